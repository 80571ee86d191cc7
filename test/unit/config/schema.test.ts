import { configSchema, OPTIONS, type OptionName } from '../../../src/config/schema';

function option(name: OptionName) {
  return OPTIONS.find((each) => each.name === name);
}

test('every option has a default or may be left open', () => {
  expect(configSchema.parse({})).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    modelRepository: 'saved_models',
    models: [],
    maxQueueDelayMs: 0,
    gpuMemoryGrowth: true,
  });
});

test.each<[OptionName, object]>([
  ['host', { flag: '--host', env: 'HOST', kind: 'text', defaultText: '127.0.0.1' }],
  ['port', { flag: '--port', env: 'PORT', kind: 'number', defaultText: '8080' }],
  ['maxBatchSize', { flag: '--max-batch-size', env: 'TFJS_SERVING_MAX_BATCH_SIZE' }],
  ['models', { kind: 'list', defaultText: '' }],
  ['gpus', { kind: 'list', defaultText: undefined }],
  ['applyIcc', { kind: 'boolean', defaultText: 'false' }],
  ['instances', { kind: 'number', defaultText: undefined }],
  ['imagingConcurrency', { kind: 'number', defaultText: undefined }],
  ['logFormat', { kind: 'text', choices: ['auto', 'json', 'pretty'] }],
])('the option %s is described for flags, environment and documents', (name, facts) => {
  expect(option(name)).toMatchObject(facts);
});

test('no two options share a flag or a variable', () => {
  expect(new Set(OPTIONS.map(({ flag }) => flag)).size).toBe(OPTIONS.length);
  expect(new Set(OPTIONS.map(({ env }) => env)).size).toBe(OPTIONS.length);
});

test.each([['0'], ['GPU-8f6a-11'], ['MIG-12ab'], ['15']])('%j is a GPU', (gpu) => {
  expect(configSchema.safeParse({ gpus: [gpu] }).success).toBe(true);
});

test.each<[OptionName, unknown]>([
  ['gpus', ['-1']],
  ['gpus', ['cuda:0']],
  ['background', 'white'],
  ['background', '#fff'],
  ['port', 65_536],
  ['port', 80.5],
  ['port', '8080'],
  ['instances', 0],
  ['models', ['']],
  ['modelControl', 'sometimes'],
])('%s may not be %j', (name, value) => {
  expect(configSchema.safeParse({ [name]: value }).success).toBe(false);
});
