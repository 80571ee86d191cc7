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
