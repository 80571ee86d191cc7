import path from 'node:path';

import { bf16Repository } from './bf16-repository';
import type { BenchCase } from './cases';
import type { Contender } from './contender';
import type { ContenderCommand } from './contender-process';
import { cacheFolder, ROOT } from './paths';
import { PYTHON_CONTENDERS, pythonEnvironment } from './python-environment';

const script = (name: string): string => path.join(ROOT, 'dist-bench/contenders', `${name}.js`);

/** Folder of the virtual environment's programs, once it is prepared. */
let pythonBin = '';
const pythonReady = async (): Promise<void> => {
  pythonBin = await pythonEnvironment((line) => {
    console.error(line);
  });
};
const python = (
  program: string,
  args: readonly string[],
  repository: string,
): ContenderCommand => ({
  command: path.join(pythonBin, program),
  args,
  env: {
    BENCH_REPOSITORY: repository,
    PYTHONPATH: PYTHON_CONTENDERS,
    PYTHONDONTWRITEBYTECODE: '1',
    BENTOML_DO_NOT_TRACK: 'true',
    BENTOML_HOME: path.join(cacheFolder(), 'bentoml'),
  },
});
/** Those whose batching is written for one model and one kind of request. */
const oneClassifier = ({ task, models, encoding }: BenchCase): boolean =>
  task === 'classify' && models === 1 && encoding === 'multipart';

const ourServer = (repository: string, port: number): ContenderCommand => ({
  command: process.execPath,
  args: ['--enable-source-maps', 'dist/main.js', '--model-repository', repository],
  env: { PORT: String(port), TFJS_SERVING_DRAIN_DELAY_MS: '0' },
});
const OUR_PATHS = {
  readyPath: '/v2/health/ready',
  livePath: '/v2/health/live',
  statsPath: '/metrics',
};

/** Model repository with the classifier in bf16, once it is prepared. */
let reduced = '';

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'server',
    title: 'this server',
    kind: 'http',
    supports: () => true,
    command: ({ repository, port }) => ourServer(repository, port),
    ...OUR_PATHS,
  },
  {
    name: 'server-bf16',
    title: 'this server, bf16',
    kind: 'http',
    supports: ({ task, models }) => task === 'classify' && models === 1,
    prepare: async () => {
      reduced = await bf16Repository();
    },
    command: ({ port }) => ourServer(reduced, port),
    ...OUR_PATHS,
  },
  {
    name: 'pipeline-limit',
    title: 'pipeline limit, no HTTP',
    kind: 'closed-loop',
    // More than its queue takes is refused, and how a photo was sent means nothing without HTTP.
    supports: ({ connections, encoding }) => connections <= 64 && encoding === 'multipart',
    command: ({ repository }) => ({
      command: process.execPath,
      args: [script('pipeline-limit'), '--model-repository', repository],
      ipc: true,
    }),
  },
  {
    name: 'raw-predict',
    title: 'raw tfjs predict',
    kind: 'closed-loop',
    supports: ({ connections, task, models, encoding }) =>
      connections === 1 && task === 'classify' && models === 1 && encoding === 'multipart',
    command: ({ repository }) => ({
      command: process.execPath,
      args: [script('raw-predict'), repository],
      ipc: true,
    }),
  },
  {
    name: 'naive-express',
    title: 'naive Express + tfjs',
    kind: 'http',
    supports: () => true,
    command: ({ repository, port }) => ({
      command: process.execPath,
      args: [script('naive-express'), repository, String(port)],
    }),
    readyPath: '/health',
    livePath: '/health',
    statsPath: '/stats',
  },
  {
    name: 'fastapi',
    title: 'FastAPI + TensorFlow',
    kind: 'http',
    supports: () => true,
    prepare: pythonReady,
    command: ({ repository, port }) =>
      python(
        'python',
        [path.join(PYTHON_CONTENDERS, 'fastapi_server.py'), String(port)],
        repository,
      ),
    readyPath: '/health',
    livePath: '/health',
  },
  {
    name: 'litserve',
    title: 'LitServe',
    kind: 'http',
    supports: oneClassifier,
    prepare: pythonReady,
    command: ({ repository, port }) =>
      python(
        'python',
        [path.join(PYTHON_CONTENDERS, 'litserve_server.py'), String(port)],
        repository,
      ),
    readyPath: '/health',
    livePath: '/health',
  },
  {
    name: 'bentoml',
    title: 'BentoML',
    kind: 'http',
    supports: oneClassifier,
    prepare: pythonReady,
    command: ({ repository, port }) =>
      python(
        'bentoml',
        [
          'serve',
          'bentoml_server:Front',
          '--working-dir',
          PYTHON_CONTENDERS,
          '--host',
          '127.0.0.1',
          '--port',
          String(port),
        ],
        repository,
      ),
    readyPath: '/readyz',
    livePath: '/livez',
  },
];
