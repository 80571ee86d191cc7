import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, setPriority } from 'node:os';
import path from 'node:path';

import { Command, Option } from 'commander';

import { CASES, QUICK_CASES } from './cases';
import { CONTENDERS } from './contenders';
import { findLoadGenerator } from './load-generator';
import { describeMachine } from './machine';
import { ROOT } from './paths';
import { renderReport, type BenchRecord } from './report';
import { runSuite } from './suite';

interface Options {
  readonly quick?: true;
  readonly only?: string[];
  readonly contenders?: string[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly attempts: number;
  readonly generator?: string;
  readonly out: string;
}

const PROBE_PRIORITY = 10;

const list = (value: string): string[] => value.split(',').map((part) => part.trim());
const whole = (value: string): number => {
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 1)
    throw new Error(`${value} is not a whole number above 0`);
  return parsed;
};

async function main(): Promise<void> {
  const command = new Command('npm run bench --')
    .description('Measures this server beside other ways to serve the same model')
    .option('--quick', 'the cases of the bars only, fewer rounds: under five minutes')
    .addOption(
      new Option('--only <cases>', `of ${CASES.map(({ name }) => name).join(', ')}`).argParser(
        list,
      ),
    )
    .addOption(
      new Option(
        '--contenders <names>',
        `of ${CONTENDERS.map(({ name }) => name).join(', ')}`,
      ).argParser(list),
    )
    .option('--rounds <number>', 'how often everything is measured; default 3, quick 2', whole)
    .option('--seconds <number>', 'length of one measurement; default 6, quick 4', whole)
    .option(
      '--attempts <number>',
      'tries at a measurement while other programs take over 5% of the machine',
      whole,
      2,
    )
    .addOption(
      new Option('--generator <name>', 'default: wrk where it is installed').choices([
        'wrk',
        'autocannon',
      ]),
    )
    .option('--out <folder>', 'where the results go', path.join(ROOT, 'bench/results'));
  const options = command.parse().opts<Options>();
  const quick = options.quick === true;
  const cases = chosen(CASES, options.only ?? (quick ? QUICK_CASES : undefined), 'case');
  const contenders = chosen(CONTENDERS, options.contenders, 'contender');

  // With more than two cores, load and contenders keep out of each other's way.
  const cores = availableParallelism();
  const apart = cores > 2;
  const ordinary = raisePriority();
  const pin = (range: string): string[] => [
    ...ordinary,
    ...(apart ? ['taskset', '--cpu-list', range] : []),
  ];
  const generator = findLoadGenerator(pin(String(cores - 1)), options.generator);
  const measuredCores = apart ? cores - 1 : cores;
  const startedAt = new Date();
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    console.error('stopping after this measurement; once more ends at once');
    interrupted.abort();
    process.once('SIGINT', () => process.exit(130));
  });
  process.once('SIGTERM', () => process.exit(143));
  const { samples, omissions } = await runSuite({
    cases,
    contenders,
    rounds: options.rounds ?? (quick ? 2 : 3),
    seconds: options.seconds ?? (quick ? 4 : 6),
    generator,
    attempts: options.attempts,
    signal: interrupted.signal,
    prefix: pin(`0-${String(cores - 2)}`),
    say: (line) => {
      console.error(line);
    },
  });
  const record: BenchRecord = {
    startedAt: startedAt.toISOString(),
    minutes: (Date.now() - startedAt.getTime()) / 60_000,
    machine: describeMachine({ generator: generator.name, measuredCores, apart }),
    cases,
    contenders: contenders.map(({ name, title }) => ({ name, title })),
    samples,
    omissions,
  };
  const text = renderReport(record);
  console.log(text);
  await mkdir(options.out, { recursive: true });
  const stem = path.join(options.out, startedAt.toISOString().slice(0, 16).replace(':', ''));
  await writeFile(`${stem}.json`, `${JSON.stringify(record, null, 2)}\n`);
  await writeFile(`${stem}.md`, `${text}\n`);
  console.error(`kept as ${path.relative(process.cwd(), stem)}.json and .md`);
}

/**
 * The probes of liveness should wait for the contender alone, not for their own turn on the CPU.
 * Only root may do this; elsewhere their waiting is part of the figure.
 * @returns what goes before a command so that it runs at the usual priority
 */
function raisePriority(): string[] {
  try {
    setPriority(-PROBE_PRIORITY);
    return ['nice', '-n', String(PROBE_PRIORITY)];
  } catch {
    return [];
  }
}

function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
  what: string,
): readonly T[] {
  for (const name of names ?? []) {
    if (!all.some((one) => one.name === name)) {
      throw new Error(
        `there is no ${what} "${name}"; there are: ${all.map((one) => one.name).join(', ')}`,
      );
    }
  }
  return names === undefined ? all : all.filter(({ name }) => names.includes(name));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
