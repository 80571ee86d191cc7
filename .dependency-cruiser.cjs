/**
 * The import directions of docs/architecture.md, checked:
 * main → compose → {http, cli} → inference → {imaging, batching, models, outputs}; models → runtime.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
});
/** What everything may use: errors, tensors as data, the semaphore, thread priorities, programs. */
const below = (...folders) =>
  `^src/(${folders.join('|')}|(errors|run-failed-error|tensor|semaphore|thread-priority|compiled-program)\\.ts)`;
const onlyIn = (name, packages, places) => ({
  name,
  severity: 'error',
  from: { path: '^src/', pathNot: places },
  to: { path: packages },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    only(
      'batching-alone',
      '^src/batching/',
      below('batching/'),
      'The batcher is handed run(): it knows neither models nor TensorFlow.',
    ),
    only('imaging-alone', '^src/imaging/', below('imaging/')),
    only('outputs-alone', '^src/outputs/', below('outputs/')),
    only(
      'runtime-alone',
      '^src/runtime/',
      below('runtime/'),
      'worker.ts runs in its own thread and must stay small.',
    ),
    only(
      'optimizer-below',
      '^src/optimizer/',
      below('optimizer/', 'runtime/', 'imaging/normalize', 'outputs/'),
      'What it puts into a graph is compared with the code that it stands for.',
    ),
    only('models-below', '^src/models/', below('models/', 'runtime/', 'batching/', 'optimizer/')),
    only(
      'inference-below',
      '^src/inference/',
      below('inference/', 'imaging/', 'batching/', 'models/', 'outputs/'),
    ),
    only(
      'http-below',
      '^src/http/',
      below(
        'http/',
        'inference/',
        'models/',
        'imaging/',
        'telemetry/',
        'package-version',
        'optimizer/model-optimizer',
      ),
    ),
    {
      name: 'client-alone',
      comment: 'It runs elsewhere, in browsers too: neither the server, nor a package, nor Node.',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { pathNot: '^src/client/' },
    },
    only(
      'cli-below',
      '^src/cli/',
      below('cli/', 'client/', 'config/', 'inference/', 'models/', 'imaging/', 'outputs/'),
      'It enters at the use case of the server, or goes through its client; the composition is handed in.',
    ),
    only(
      'report-below',
      '^src/cli/report/',
      below('cli/(report|rows|inputs|run)/', 'cli/exit-codes', 'imaging/', 'outputs/'),
      'The page is made of rows: no engine, no model.',
    ),
    only(
      'tune-below',
      '^src/tune/',
      below('tune/', 'models/'),
      'It starts the server as a process of its own, as a user would.',
    ),
    only(
      'optimize-below',
      '^src/optimize/',
      below(
        'optimize/',
        'optimizer/',
        'runtime/',
        'models/',
        'imaging/',
        'outputs/',
        'config/',
        'batching/(assemble|buffer-pool)',
        'tune/statistics',
        'cli/exit-codes',
        'servable-defaults',
      ),
      'It runs models itself, one call after the other: no server, no batcher.',
    ),
    only('telemetry-leaf', '^src/telemetry/', below('telemetry/')),
    only('config-leaf', '^src/config/', below('config/')),
    only(
      'leaves-alone',
      '^src/(errors|tensor|semaphore|thread-priority|compiled-program)\\.ts',
      '^$',
    ),
    onlyIn(
      'tensorflow-in-one-place',
      'node_modules/@tensorflow',
      '^src/runtime/(tfjs-backend|saved-model-signatures)\\.ts',
    ),
    onlyIn('protobuf-in-optimizer', 'node_modules/@bufbuild', '^src/optimizer/'),
    onlyIn('sharp-in-imaging', 'node_modules/sharp', '^src/imaging/'),
    onlyIn('express-in-http', 'node_modules/(express|multer)/', '^src/http/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
