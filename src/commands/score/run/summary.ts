import type { Tally } from './tally';

const LABELS = 10;
const BAR = 30;

/** What a run came to, for a person: counts, throughput, classes, the slowest stages. */
export function summaryText(tally: Tally): string {
  const lines = [
    `${tally.rows} inputs: ${tally.rows - tally.errors} scored, ${tally.errors} errors`,
    `${tally.scored} in this run, ${tally.seconds.toFixed(1)} s, ${tally.rate.toFixed(1)} a second`,
    ...section(
      'Errors',
      [...tally.errorsByCode].sort(byCount).map(([code, count]) => `${code}  ${count}`),
    ),
    ...section(...classes(tally)),
    ...section('Stages, slowest first: mean and 95th percentile in ms', stages(tally)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function summaryObject(tally: Tally): object {
  return {
    inputs: tally.rows,
    scored: tally.rows - tally.errors,
    errors: Object.fromEntries([...tally.errorsByCode].sort(byCount)),
    thisRun: tally.scored,
    seconds: Number(tally.seconds.toFixed(3)),
    perSecond: Number(tally.rate.toFixed(3)),
    classes: Object.fromEntries([...tally.imagesByLabel].sort(byCount)),
    stages: Object.fromEntries(
      [...tally.stages].map(([stage, times]) => [
        stage,
        {
          meanMs: Number(times.meanMs.toFixed(2)),
          p95Ms: Number(times.quantileMs(0.95).toFixed(2)),
        },
      ]),
    ),
  };
}

function classes({ imagesByLabel }: Tally): [string, string[]] {
  const all = [...imagesByLabel].sort(byCount);
  const most = all[0]?.[1] ?? 1;
  const shown = all.slice(0, LABELS);
  const width = Math.max(0, ...shown.map(([label]) => label.length));
  const lines = shown.map(([label, count]) => {
    const bar = '█'.repeat(Math.max(1, Math.round((count / most) * BAR)));
    return `${printable(label).padEnd(width)}  ${bar} ${count}`;
  });
  const rest = all.length - shown.length;
  return [`Classes: ${all.length}`, rest > 0 ? [...lines, `and ${rest} more`] : lines];
}

function stages(tally: Tally): string[] {
  return [...tally.stages]
    .sort(([, a], [, b]) => b.meanMs - a.meanMs)
    .map(
      ([stage, times]) =>
        `${stage.padEnd(11)}  ${times.meanMs.toFixed(1).padStart(8)}  ${times.quantileMs(0.95).toFixed(1).padStart(8)}`,
    );
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function byCount([, a]: [string, number], [, b]: [string, number]): number {
  return b - a;
}

/** Labels come from files: nothing in them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
