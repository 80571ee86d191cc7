import { judge, type Medians } from '../../../bench/bars';
import { CASES } from '../../../bench/cases';
import type { Machine } from '../../../bench/machine';
import type { Measurement } from '../../../bench/measurement';
import { mediansOf, renderReport } from '../../../bench/report';
import type { Sample } from '../../../bench/suite';

const MACHINE: Machine = {
  cpu: 'x',
  cores: 2,
  measuredCores: 2,
  generatorApart: false,
  memoryGib: 8,
  kernel: '6',
  generator: 'wrk 4',
  node: '20',
  tensorflow: '2.21.0',
  commit: 'abc',
};

function sample(
  contender: string,
  benchCase: string,
  perSecond: number,
  more: Partial<Measurement> = {},
): Sample {
  return {
    contender,
    case: benchCase,
    round: 1,
    measurement: {
      perSecond,
      p50Ms: 10,
      p95Ms: 20,
      p99Ms: 30,
      statuses: { '200': 90, '429': 10 },
      failed: 0,
      cpuMs: 14,
      rssBytes: 2 ** 20,
      othersShare: 0,
      ...more,
    },
  };
}

const measured = (samples: readonly Sample[]): Medians => mediansOf(samples);
const barNamed = (start: string, samples: readonly Sample[]) =>
  judge(measured(samples), MACHINE).find(({ bar }) => bar.startsWith(start));

test('a bar takes the worse of the two numbers of connections', () => {
  const bar = barNamed('Throughput at 16', [
    sample('server', 'c16', 96),
    sample('pipeline-limit', 'c16', 100),
    sample('server', 'c64', 90),
    sample('pipeline-limit', 'c64', 100),
  ]);

  expect(bar).toMatchObject({ measured: 0.9, met: false });
});

test('the best of the Python contenders is the one to beat', () => {
  const bar = barNamed('Throughput ÷ best Python', [
    sample('server', 'c16', 160),
    sample('fastapi', 'c16', 50),
    sample('litserve', 'c16', 100),
  ]);

  expect(bar).toMatchObject({ measured: 1.6, met: true });
});

test('the latency bar is what is left after raw decode and predict', () => {
  const bar = barNamed('p50 at 1 connection', [
    sample('server', 'c1', 70, { p50Ms: 13 }),
    sample('raw-predict', 'c1', 80, { decodeMs: 3, predictMs: 7 }),
  ]);

  expect(bar).toMatchObject({ measured: 3, met: false });
});

test('goodput under overload is compared with its peak', () => {
  const bar = barNamed('Goodput', [
    sample('server', 'c16', 100),
    sample('server', 'c64', 120),
    sample('server', 'c256-impatient', 60),
  ]);

  expect(bar).toMatchObject({ measured: 0.5, met: false });
});

test('the share of the load generator is given back only where it shares the cores', () => {
  const samples = [
    sample('server', 'c16', 90, { loadCpuMs: 1 }),
    sample('pipeline-limit', 'c16', 100),
  ];
  const without = (machine: Machine): number | undefined =>
    judge(measured(samples), machine).find(({ bar }) => bar.startsWith('The same'))?.measured;

  expect(without(MACHINE)).toBeCloseTo(0.942, 3);
  expect(without({ ...MACHINE, generatorApart: true })).toBeCloseTo(0.9, 9);
});

test('what was not measured is neither met nor missed', () => {
  for (const { met, measured: value } of judge(measured([]), MACHINE)) {
    expect([met, value]).toEqual([undefined, undefined]);
  }
});

test('the report has medians over the rounds, ratios, refusals and omissions', () => {
  const text = renderReport({
    startedAt: '2026-01-02T03:04:05.000Z',
    minutes: 1,
    machine: MACHINE,
    cases: CASES.filter(({ name }) => name === 'c16'),
    contenders: [
      { name: 'server', title: 'this server' },
      { name: 'naive-express', title: 'naive Express' },
    ],
    samples: [
      sample('server', 'c16', 90),
      { ...sample('server', 'c16', 100), round: 2 },
      { ...sample('server', 'c16', 200), round: 3 },
      sample('naive-express', 'c16', 50),
    ],
    omissions: [{ contender: 'litserve', reason: 'no package index' }],
  });

  expect(text).toContain('| c16  | 100 (×2.22) |          50.0 |');
  expect(text).toContain('| c16  |        1.00 |          2.00 |');
  expect(text).toMatch(/\| +10% \|/);
  expect(text).toContain('- litserve: no package index');
});
