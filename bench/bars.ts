import type { Machine } from './machine';
import type { MeasurementField } from './measurement';

/** Median of a field over the rounds; undefined where it was not measured. */
export type Medians = (
  contender: string,
  benchCase: string,
  field: MeasurementField,
) => number | undefined;

export interface Bar {
  readonly bar: string;
  readonly target: string;
  /** Undefined: not measured in this run. */
  readonly measured: number | undefined;
  readonly met: boolean | undefined;
  readonly note: string;
}

const SATURATED = ['c16', 'c64'];
const PYTHON = ['fastapi', 'litserve', 'bentoml'];
const OVERLOADED = 'c256-impatient';

/** The aims that the server is held to, as ratios within one run. */
export function judge(medians: Medians, machine: Machine): readonly Bar[] {
  const rate = (contender: string, benchCase: string): number | undefined =>
    medians(contender, benchCase, 'perSecond');
  const worstRatio = (
    other: (benchCase: string) => number | undefined,
    own = 'server',
  ): number | undefined => least(SATURATED.map((name) => ratio(rate(own, name), other(name))));
  const bestPython = (name: string): number | undefined =>
    greatest(PYTHON.map((contender) => rate(contender, name)));
  const decode = medians('raw-predict', 'c1', 'decodeMs');
  const predict = medians('raw-predict', 'c1', 'predictMs');
  const server = medians('server', 'c1', 'p50Ms');
  const over =
    decode === undefined || predict === undefined || server === undefined
      ? undefined
      : server - decode - predict;
  const peak = greatest([...SATURATED, 'c256', OVERLOADED].map((name) => rate('server', name)));
  const goodput = ratio(rate('server', OVERLOADED), peak);
  const live = greatest(
    [...SATURATED, OVERLOADED].map((name) => medians('server', name, 'liveP99Ms')),
  );
  return [
    atLeast(
      'Throughput at 16 and more connections ÷ pipeline limit',
      0.95,
      worstRatio((name) => rate('pipeline-limit', name)),
      'the lower of 16 and 64 connections',
    ),
    atLeast(
      'The same without the CPU time that the load generator took',
      0.95,
      withoutGenerator(medians, machine),
      'not a bar: shows what the generator, on the same cores, accounts for',
    ),
    atLeast(
      'CPU time of an image at the limit ÷ of a request here',
      0.95,
      least(
        SATURATED.map((name) =>
          ratio(medians('pipeline-limit', name, 'cpuMs'), medians('server', name, 'cpuMs')),
        ),
      ),
      'not a bar: says the same with less noise',
    ),
    atLeast(
      'Throughput ÷ naive Express',
      2,
      worstRatio((name) => rate('naive-express', name)),
      '',
    ),
    atLeast('Throughput ÷ best Python contender', 1.5, worstRatio(bestPython), ''),
    atLeast(
      'Throughput with the classifier in bf16 ÷ best Python contender',
      1.5,
      worstRatio(bestPython, 'server-bf16'),
      'not a bar: the others compute in float32; see docs/optimizer.md for what bf16 changes',
    ),
    atMost('p50 at 1 connection − raw decode − raw predict, ms', 2, over, ''),
    atMost(
      'p99 of liveness at saturation, ms',
      20,
      live,
      'the worst of 16, 64 and 256 connections',
    ),
    atLeast(
      'Goodput at 256 connections with a full queue ÷ its peak',
      0.9,
      goodput,
      'refused clients ask again at once',
    ),
    atMost('p99 of a 429, ms', 100, medians('server', OVERLOADED, 'refusedP99Ms'), '“at once”'),
  ];
}

/** With one core for the load generator there is nothing to give back. */
function withoutGenerator(medians: Medians, machine: Machine): number | undefined {
  return least(
    SATURATED.map((name) => {
      const server = medians('server', name, 'perSecond');
      const load = medians('server', name, 'loadCpuMs');
      if (server === undefined || load === undefined) return undefined;
      const share = machine.generatorApart ? 0 : (server * load) / 1000 / machine.measuredCores;
      return ratio(server / (1 - share), medians('pipeline-limit', name, 'perSecond'));
    }),
  );
}

function atLeast(bar: string, target: number, measured: number | undefined, note: string): Bar {
  const met = measured === undefined ? undefined : measured >= target;
  return { bar, target: `≥ ${String(target)}`, measured, met, note };
}

function atMost(bar: string, target: number, measured: number | undefined, note: string): Bar {
  const met = measured === undefined ? undefined : measured <= target;
  return { bar, target: `≤ ${String(target)}`, measured, met, note };
}

function ratio(value: number | undefined, to: number | undefined): number | undefined {
  return value === undefined || to === undefined || to === 0 ? undefined : value / to;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function greatest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
