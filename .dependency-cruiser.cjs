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
const leaves = '^src/(errors\\.ts|config/|telemetry/)';
const onlyIn = (name, packages, places) => ({
  name,
  severity: 'error',
  from: { path: '^src/', pathNot: places },
  to: { path: packages },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    only('batching-alone', '^src/batching/', '^src/(batching/|errors\\.ts)', 'The batcher is handed run(): it knows neither models nor TensorFlow.'),
    only('imaging-alone', '^src/imaging/', '^src/(imaging/|errors\\.ts)'),
    only('outputs-alone', '^src/outputs/', '^src/(outputs/|errors\\.ts)'),
    only('runtime-alone', '^src/runtime/', '^src/(runtime/|errors\\.ts)', 'worker.ts runs in its own thread and must stay small.'),
    only('models-below', '^src/models/', '^src/(models/|runtime/|batching/|imaging/[a-z-]+\\.ts|errors\\.ts|telemetry/)'),
    only('inference-below', '^src/inference/', '^src/(inference/|imaging/|batching/|models/|outputs/|errors\\.ts|telemetry/)'),
    only('errors-leaf', '^src/errors\\.ts', '^$'),
    only('telemetry-leaf', '^src/telemetry/', '^src/(telemetry/|errors\\.ts)'),
    only('config-leaf', '^src/config/', '^src/(config/|errors\\.ts)'),
    only('http-below', '^src/http/', `^src/(http/|inference/|models/|imaging/)|${leaves}`),
    onlyIn('tensorflow-in-one-place', 'node_modules/@tensorflow', '^src/runtime/tfjs-backend\\.ts'),
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
