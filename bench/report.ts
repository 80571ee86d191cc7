import { judge, type Medians } from './bars';
import type { BenchCase } from './cases';
import type { Machine } from './machine';
import { median, spread } from './statistics';
import { MOST_DISTURBANCE, type Omission, type Sample } from './suite';
import { figure, markdownTable } from './table';

/** Everything of one run, as it is kept. */
export interface BenchRecord {
  readonly startedAt: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly cases: readonly BenchCase[];
  readonly contenders: readonly { readonly name: string; readonly title: string }[];
  readonly samples: readonly Sample[];
  readonly omissions: readonly Omission[];
}

/** Medians over the rounds that count. */
export function mediansOf(samples: readonly Sample[]): Medians {
  return (contender, benchCase, field) => {
    const values = counting(samples, contender, benchCase)
      .map(({ measurement }) => measurement[field])
      .filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
}

/**
 * Rounds in which other programs took little; all where there are none. Chosen by what others did,
 * not by the result.
 */
function counting(
  samples: readonly Sample[],
  contender: string,
  benchCase: string,
): readonly Sample[] {
  const all = samples.filter(
    (sample) => sample.contender === contender && sample.case === benchCase,
  );
  const quiet = all.filter(({ measurement }) => measurement.othersShare <= MOST_DISTURBANCE);
  return quiet.length > 0 ? quiet : all;
}

/** The run as Markdown. */
export function renderReport(record: BenchRecord): string {
  const medians = mediansOf(record.samples);
  return [
    heading(record),
    '## Bars',
    ...disturbance(record.samples),
    barsTable(medians, record.machine),
    '## Throughput, requests answered 2xx a second',
    throughputTable(record, medians),
    '×: largest round over smallest. ~: other programs took more than 5% of the machine in every round, so the figure is too low and its ratios are doubtful.',
    '## This server ÷ contender, throughput',
    ratioTable(record, medians),
    '## Latency in ms: p50 / p95 / p99',
    latencyTable(record, medians),
    '## This server and its contenders in detail',
    detailTable(record, medians),
    ...omissionLines(record),
  ].join('\n\n');
}

function heading({ startedAt, minutes, machine }: BenchRecord): string {
  const pinned = machine.generatorApart
    ? 'on a core of its own'
    : 'on the same cores as what it measures';
  return [
    `# Benchmark of ${startedAt.slice(0, 16).replace('T', ' ')} UTC`,
    '',
    `${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGib)} GiB, Linux ${machine.kernel}; Node ${machine.node}, TensorFlow ${machine.tensorflow}; commit ${machine.commit}.`,
    `Load from ${machine.generator}, ${pinned}. ${minutes.toFixed(1)} minutes. Medians over the rounds in which other programs took at most 5% of the machine, or over all where there were none.`,
  ].join('\n');
}

/** Said before any figure: a bar missed on a busy machine says nothing of the server. */
function disturbance(samples: readonly Sample[]): string[] {
  const doubtful = samples.filter(({ measurement }) => measurement.othersShare > MOST_DISTURBANCE);
  if (doubtful.length === 0) return [];
  return [
    `Other programs took more than 5% of the machine during ${String(doubtful.length)} of ${String(samples.length)} measurements. Bars that rest on them (~ below) are neither met nor missed: repeat the run on a quiet machine.`,
  ];
}

function barsTable(medians: Medians, machine: Machine): string {
  return markdownTable(
    ['Bar', 'Target', 'Measured', 'Met', 'Note'],
    judge(medians, machine).map(({ bar, target, measured, met, note }) => [
      bar,
      target,
      figure(measured),
      met === undefined ? 'not measured' : met ? 'yes' : 'NO',
      note,
    ]),
  );
}

type Cell = (contender: string, benchCase: string) => string;

function caseTable({ cases, contenders }: BenchRecord, cell: Cell): string {
  return markdownTable(
    ['Case', ...contenders.map(({ title }) => title)],
    cases.map((benchCase) => [
      benchCase.name,
      ...contenders.map(({ name }) => cell(name, benchCase.name)),
    ]),
  );
}

function throughputTable(record: BenchRecord, medians: Medians): string {
  return caseTable(record, (contender, name) => {
    const counted = counting(record.samples, contender, name).map(({ measurement }) => measurement);
    const disturbed = counted.some(({ othersShare }) => othersShare > MOST_DISTURBANCE);
    const middle = `${disturbed ? '~' : ''}${figure(medians(contender, name, 'perSecond'))}`;
    const apart = spread(counted.map(({ perSecond }) => perSecond));
    return counted.length < 2 || !Number.isFinite(apart)
      ? middle
      : `${middle} (×${apart.toFixed(2)})`;
  });
}

function ratioTable(record: BenchRecord, medians: Medians): string {
  return caseTable(record, (contender, name) => {
    const own = medians('server', name, 'perSecond');
    const other = medians(contender, name, 'perSecond');
    return figure(own === undefined || other === undefined ? undefined : own / other);
  });
}

function latencyTable(record: BenchRecord, medians: Medians): string {
  return caseTable(record, (contender, name) => {
    const of = (field: 'p50Ms' | 'p95Ms' | 'p99Ms'): number | undefined =>
      medians(contender, name, field);
    if (of('p50Ms') === undefined) return '–';
    return [of('p50Ms'), of('p95Ms'), of('p99Ms')].map(figure).join(' / ');
  });
}

function detailTable({ cases, contenders, samples }: BenchRecord, medians: Medians): string {
  const rows = cases.flatMap((benchCase) =>
    contenders.flatMap(({ name, title }) => {
      if (medians(name, benchCase.name, 'perSecond') === undefined) return [];
      const of = (field: Parameters<Medians>[2], divisor = 1): string => {
        const value = medians(name, benchCase.name, field);
        return figure(value === undefined ? undefined : value / divisor);
      };
      return [
        [
          `${benchCase.name}: ${title}`,
          of('cpuMs'),
          of('loadCpuMs'),
          of('meanBatch'),
          of('loopP99Ms'),
          `${of('liveP50Ms')} / ${of('liveP99Ms')}`,
          of('sentBytes', 1024),
          of('receivedBytes', 1024),
          of('rssBytes', 2 ** 20),
          of('othersShare', 0.01),
          refusedShare(samples, name, benchCase.name),
          `${of('refusedP50Ms')} / ${of('refusedP99Ms')}`,
        ],
      ];
    }),
  );
  return markdownTable(
    [
      'Case: contender',
      'CPU ms/request',
      'load CPU ms',
      'mean batch',
      'loop p99 ms',
      'live p50 / p99 ms',
      'KiB sent',
      'KiB received',
      'RSS MiB',
      'others %',
      'not 2xx',
      '429 p50 / p99 ms',
    ],
    rows,
  );
}

function refusedShare(samples: readonly Sample[], contender: string, name: string): string {
  let all = 0;
  let refused = 0;
  let failed = 0;
  for (const sample of samples) {
    if (sample.contender !== contender || sample.case !== name) continue;
    failed += sample.measurement.failed;
    for (const [status, count] of Object.entries(sample.measurement.statuses)) {
      all += count;
      if (!status.startsWith('2')) refused += count;
    }
  }
  const share = all === 0 ? '–' : `${((100 * refused) / all).toFixed(0)}%`;
  return failed === 0 ? share : `${share}, ${String(failed)} failed`;
}

function omissionLines({ omissions }: BenchRecord): string[] {
  if (omissions.length === 0) return [];
  const lines = omissions.map(
    ({ contender, case: name, reason }) =>
      `- ${contender}${name === undefined ? '' : `, ${name}`}: ${reason}`,
  );
  return ['## Not measured', lines.join('\n')];
}
