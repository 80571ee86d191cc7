/**
 * The import directions of docs/architecture.md, checked:
 * main → compose → {http, commands/score} → inference → {imaging, batching, models, outputs};
 * models → {rewriter, runtime} → saved-model.
 */

/** @typedef {import('dependency-cruiser').IRegularForbiddenRuleType} Rule */

/**
 * Files at `from` import nothing of src/ except what is at `allowed`. Both are regular expressions.
 * @param {string} name
 * @param {string} from
 * @param {string} allowed
 * @param {string} [comment]
 * @returns {Rule}
 */
const only = (name, from, allowed, comment) => ({
  name,
  ...(comment === undefined ? {} : { comment }),
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
});
/**
 * The folders named, and kernel/, which everything may use.
 * @param {...string} folders
 */
const below = (...folders) => `^src/(${[...folders, 'kernel/'].join('|')})`;

/**
 * Packages that are imported only at `places`. Both are regular expressions.
 * @param {string} name
 * @param {string} packages
 * @param {string} places
 * @returns {Rule}
 */
const onlyIn = (name, packages, places) => ({
  name,
  severity: 'error',
  from: { path: '^src/', pathNot: places },
  to: { path: packages },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
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
      below('runtime/', 'saved-model/', 'process/'),
      'An instance is a process that loads no more than this.',
    ),
    only(
      'rewriter-below',
      '^src/rewriter/',
      below('rewriter/', 'saved-model/', 'runtime/', 'process/', 'imaging/normalize', 'outputs/'),
      'What it puts into a graph is compared with the code that it stands for.',
    ),
    only(
      'tasks-below',
      '^src/tasks/',
      below('tasks/', 'imaging/', 'outputs/', 'rewriter/image/image-plan'),
      'A task is asked by models, inference and HTTP; it asks none of them.',
    ),
    only(
      'models-below',
      '^src/models/',
      below(
        'models/',
        'tasks/',
        'runtime/',
        'batching/',
        'rewriter/',
        'saved-model/',
        'config/',
        'process/memory-limit',
        'process/cache-directory',
        'process/ask-process',
        'imaging/preprocess-spec',
      ),
    ),
    only(
      'inference-below',
      '^src/inference/',
      below('inference/', 'imaging/', 'batching/', 'models/', 'outputs/', 'tasks/'),
    ),
    only(
      'http-below',
      '^src/http/',
      below(
        'http/',
        'inference/',
        'models/',
        'tasks/',
        'imaging/',
        'telemetry/',
        'process/package-version',
        'rewriter/model-optimizer',
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
      'score-below',
      '^src/commands/score/(?!main)',
      below(
        'commands/score/',
        'commands/exit-codes',
        'client/',
        'config/',
        'inference/',
        'models/',
        'imaging/',
        'outputs/',
        'tasks/',
      ),
      'It enters at the use case of the server, or goes through its client; the composition is handed in.',
    ),
    only(
      'report-below',
      '^src/commands/score/report/',
      below(
        'commands/score/(report|rows|inputs|run)/',
        'commands/exit-codes',
        'imaging/',
        'outputs/',
        'tasks/',
      ),
      'The page is made of rows: no engine, no model.',
    ),
    only(
      'tune-below',
      '^src/commands/tune/(?!main)',
      below('commands/tune/', 'models/', 'runtime/devices'),
      'It starts the server as a process of its own, as a user would.',
    ),
    only(
      'convert-below',
      '^src/commands/convert/',
      below(
        'commands/convert/',
        'rewriter/',
        'saved-model/',
        'process/',
        'runtime/',
        'models/',
        'tasks/',
        'imaging/',
        'outputs/',
        'config/',
        'batching/assemble',
        'commands/(exit-codes|new-version|run-command|server-config|whole-number)',
      ),
      'It runs models itself, one call after the other: no server, no batcher.',
    ),
    only(
      'import-below',
      '^src/commands/import/',
      below(
        'commands/import/',
        'rewriter/',
        'saved-model/',
        'process/',
        'runtime/',
        'models/',
        'config/',
        'commands/(exit-codes|new-version|run-command|server-config|whole-number)',
      ),
      'It makes SavedModels and compares them: no server, no batcher.',
    ),
    only(
      'telemetry-below',
      '^src/telemetry/',
      below('telemetry/', 'models/', 'rewriter/model-optimizer'),
    ),
    only('config-leaf', '^src/config/', below('config/')),
    only('kernel-alone', '^src/kernel/', '^src/kernel/'),
    only('process-below', '^src/process/', below('process/')),
    only('saved-model-below', '^src/saved-model/', below('saved-model/')),
    onlyIn(
      'tensorflow-in-one-place',
      'node_modules/@tensorflow',
      '^src/(runtime/tfjs-backend\\.ts|commands/import/(tfjs|layers-model)/)',
    ),
    onlyIn(
      'protobuf-in-its-place',
      'node_modules/@bufbuild',
      '^src/(saved-model|rewriter|commands/(convert|import)|runtime/config-proto)',
    ),
    onlyIn('sharp-in-imaging', 'node_modules/sharp', '^src/imaging/'),
    onlyIn('opentelemetry-in-tracing', 'node_modules/@opentelemetry/', '^src/telemetry/tracing/'),
    onlyIn('express-in-http', 'node_modules/(express|multer)/', '^src/http/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
