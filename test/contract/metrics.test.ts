import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { codeRows, readDocument, uncode } from '../support/markdown';

interface Metric {
  readonly name: string;
  readonly type: string;
}

const rows = codeRows(readDocument('docs/metrics.md'));
let metrics: Metrics;

beforeAll(() => {
  metrics = createMetrics();
});

afterAll(() => {
  metrics.close();
});

test('docs/metrics.md lists every metric with its type, and no other', async () => {
  const registered: Metric[] = (await metrics.registry.getMetricsAsJSON()).map(
    ({ name, type }) => ({ name, type: String(type) }),
  );

  const documented = rows.map(([name, type = '']) => ({ name: uncode(name), type }));
  const byName = (a: Metric, b: Metric): number => (a.name < b.name ? -1 : 1);
  expect(documented.sort(byName)).toEqual(registered.sort(byName));
});

test('the queries of docs/metrics.md name metrics that exist', async () => {
  const names = (await metrics.registry.getMetricsAsJSON()).map(({ name }) => name);

  const used = readDocument('docs/metrics.md').match(/tfjs_serving_\w+/g) ?? [];
  for (const name of used) expect(names).toContain(name.replace(/_bucket$/, ''));
});

describe('what promtool wants, as Prometheus checks metrics', () => {
  test('names, types and labels agree', async () => {
    const all = await metrics.registry.getMetricsAsJSON();

    for (const { name, help, type, ...rest } of all) {
      const kind = String(type);
      const labels = (rest as { values?: { labels: object }[] }).values ?? [];
      expect({ name, help }).toEqual({ name, help: expect.stringMatching(/\w/) as string });
      expect(`${name} ${String(name.endsWith('_total'))}`).toBe(
        `${name} ${String(kind === 'counter')}`,
      );
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(name).not.toMatch(/_(count|sum|bucket|ms|millis|milliseconds|ns)$/);
      if (kind !== 'summary') {
        expect(labels.filter(({ labels: of }) => Object.hasOwn(of, 'quantile'))).toEqual([]);
      }
    }
  });

  test('each is announced once, with its values behind it', async () => {
    const lines = (await metrics.registry.metrics()).split('\n');
    const types = lines.filter((line) => line.startsWith('# TYPE '));

    expect(new Set(types).size).toBe(types.length);
    let current = '';
    for (const line of lines.filter((one) => one !== '' && !one.startsWith('# HELP'))) {
      if (line.startsWith('# TYPE ')) current = line.split(' ')[2] ?? '';
      else expect(line.startsWith(current)).toBe(true);
    }
  });
});

test('the metrics of the process are there under their standard names too', async () => {
  const names = (await metrics.registry.getMetricsAsJSON()).map(({ name }) => name);

  const standard = names.filter((name) => /^(process|nodejs)_/.test(name));
  expect(standard).toEqual(
    expect.arrayContaining([
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'process_start_time_seconds',
      'process_open_fds',
      'nodejs_eventloop_lag_seconds',
      'nodejs_gc_duration_seconds',
      'nodejs_version_info',
    ]),
  );
  for (const name of standard) expect(names).toContain(`tfjs_serving_${name}`);
});

test('the delay of the event loop is counted from scrape to scrape', async () => {
  const read = async (): Promise<Record<string, number>> => {
    const text = await metrics.registry.getSingleMetricAsString(
      'tfjs_serving_event_loop_delay_seconds',
    );
    return Object.fromEntries(
      text
        .split('\n')
        .filter((line) => !line.startsWith('#'))
        .map((line) => line.replace('tfjs_serving_event_loop_delay_seconds', '').split(' '))
        .map(([name = '', value]) => [name, Number(value)]),
    );
  };
  const before = await read();
  let after = before;
  while (after._count === before._count) {
    // Each look starts anew: some samples have to fit between two.
    await new Promise((resolve) => setTimeout(resolve, 30));
    after = await read();
  }

  expect(Object.keys(after)).toEqual([
    '{quantile="0.5"}',
    '{quantile="0.99"}',
    '{quantile="1"}',
    '_sum',
    '_count',
  ]);
  expect(after._count).toBeGreaterThan(before._count ?? 0);
  expect(after._sum).toBeGreaterThanOrEqual(before._sum ?? 0);
});
