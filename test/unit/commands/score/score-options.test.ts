import { scoreCommand, type ScoreOptions } from '../../../../src/commands/score/score-options';

async function parse(...args: readonly string[]): Promise<ScoreOptions> {
  let options: ScoreOptions | undefined;
  const command = scoreCommand((given) => {
    options = given;
    return Promise.resolve();
  })
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  await command.parseAsync(args, { from: 'user' });
  if (options === undefined) throw new Error('it did not run');
  return options;
}

afterEach(() => {
  delete process.env.JOB_COMPLETION_INDEX;
});

test('what is not said', async () => {
  expect(await parse('photos')).toMatchObject({
    paths: ['photos'],
    output: 'scores.jsonl',
    format: 'jsonl',
    existing: 'refuse',
    timings: true,
    maxErrors: Infinity,
    shard: undefined,
  });
});

test('the name of the output says the format, and --format says it better', async () => {
  expect((await parse('p', '--output', 'a.CSV')).format).toBe('csv');
  expect((await parse('p', '--output', 'a.txt', '--format', 'parquet')).format).toBe('parquet');
  await expect(parse('p', '--output', 'a.txt')).rejects.toThrow('must end with .jsonl');
});

test('a shard, and its number in the name of the output', async () => {
  expect(await parse('p', '--shard', '2/4', '--output', 'a-{shard}.csv')).toMatchObject({
    shard: { index: 2, count: 4 },
    output: 'a-2.csv',
  });
  await expect(parse('p', '--shard', '4/4')).rejects.toThrow('i from 0 to n-1');
});

test('the shard of a Kubernetes indexed Job', async () => {
  process.env.JOB_COMPLETION_INDEX = '3';

  expect((await parse('p', '--shards', '4')).shard).toEqual({ index: 3, count: 4 });
  expect((await parse('p', '--shard', '0/2')).shard).toEqual({ index: 0, count: 2 });
  await expect(parse('p')).rejects.toThrow('--shards does not say how many');
  await expect(parse('p', '--shards', '3')).rejects.toThrow('from 0 to 2');
});

test.each([
  [[], 'nothing to score'],
  [['p', '--resume', '--overwrite'], 'exclude each other'],
  [['p', '--server', 'http://a'], '--server needs --model'],
  [['p', '--server', 'ftp://a', '--model', 'm'], 'must begin with http'],
  [
    ['p', '--server', 'http://a', '--model', 'm', '--max-batch-size', '3'],
    '--max-batch-size is for scoring in this process',
  ],
  [['p', '--quality', '101'], 'from 1 to 100'],
  [['p', '--max-errors', '-1'], 'max-errors'],
])('%j is refused', async (args, message) => {
  await expect(parse(...args)).rejects.toThrow(message);
});
