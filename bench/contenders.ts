import path from 'node:path';

import type { Contender } from './contender';
import { ROOT } from './paths';

const script = (name: string): string => path.join(ROOT, 'dist-bench/contenders', `${name}.js`);

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'server',
    title: 'this server',
    kind: 'http',
    supports: () => true,
    command: ({ repository, port }) => ({
      command: process.execPath,
      args: ['--enable-source-maps', 'dist/main.js', '--model-repository', repository],
      env: { PORT: String(port) },
    }),
    readyPath: '/v2/health/ready',
    livePath: '/v2/health/live',
    statsPath: '/metrics',
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
];
