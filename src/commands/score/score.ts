import { writeFile } from 'node:fs/promises';

import { openEngine, type StartLocal } from './open-engine';
import { CliError, type ExitReason } from '../exit-codes';
import type { ScoringEngine } from './engines/engine';
import { findInputs } from './inputs/find-inputs';
import { KeySet } from './inputs/key-set';
import { pathKey, shardOf } from './inputs/path-key';
import { inputText, type Input } from './inputs/input';
import { pathText } from './inputs/path-text';
import { checkLabelsFile, reportRun } from './report/report-run';
import { outputError } from './rows/growing-file';
import { lockOutput } from './rows/output-lock';
import { RowOutput } from './rows/row-output';
import { PictureStore } from './run/picture-store';
import { showProgress } from './run/progress';
import { scoreRun, type RunEnd } from './run/score-run';
import { listenForStop } from './run/stop-signals';
import { summaryObject, summaryText } from './run/summary';
import { Tally } from './run/tally';
import type { ScoreOptions } from './score-options';

/**
 * Scores what the options say.
 * @returns how it ended
 * @throws CliError when it could not begin, or could not go on
 */
export async function score(options: ScoreOptions, startLocal: StartLocal): Promise<ExitReason> {
  if (options.dryRun) return dryRun(options);
  const say = (text: string): void => {
    if (!options.quiet) process.stderr.write(`${text}\n`);
  };
  // Before hours of work, not after them.
  if (options.labels !== undefined) await checkLabelsFile(options.labels);
  const release = lockOutput(options.output);
  try {
    const reason = await scoreAll(options, startLocal, say);
    if (reason !== 'done' || options.report === undefined) return reason;
    return await reportRun({
      results: options.output,
      format: options.format,
      target: options.report,
      labelsFile: options.labels,
      outDir: options.outDir,
      say,
    });
  } finally {
    release();
  }
}

async function scoreAll(
  options: ScoreOptions,
  startLocal: StartLocal,
  say: (text: string) => void,
): Promise<ExitReason> {
  const engine = await openEngine(options, startLocal);
  try {
    return await scoreWith(engine, options, say);
  } finally {
    await engine.close();
  }
}

async function scoreWith(
  engine: ScoringEngine,
  options: ScoreOptions,
  say: (text: string) => void,
): Promise<ExitReason> {
  const { task } = engine;
  if (task.row.files === 'needed' && options.outDir === undefined) {
    throw new CliError(
      'usage',
      `Model ${engine.model} makes pictures: --out-dir must say where they go`,
    );
  }
  const tally = new Tally();
  const output = await RowOutput.open({
    file: options.output,
    format: options.format,
    existing: options.existing,
    onResumed: (row) => {
      tally.resume(row);
    },
    facts: {
      model: engine.model,
      version: engine.version,
      top: topOf(options.parameters),
      parameters: otherThanTop(options.parameters),
      masks: task.row.files === 'welcome' && options.outDir !== undefined,
      hash: options.hash,
      timings: options.timings,
      shard: options.shard ?? null,
      rows: null,
    },
  });
  say(`Model ${engine.model}, version ${engine.version}, ${engine.place}`);
  if (tally.resumed > 0) say(`${tally.resumed} inputs have their rows already`);
  const signals = listenForStop(say);
  const progress = showProgress(tally, process.stderr, options.quiet);
  const counting = new AbortController();
  if (!options.quiet) void countInputs(options, tally, counting.signal);
  const checkpoint = checkpoints(output, options.checkpointSeconds);
  let end: RunEnd | undefined;
  try {
    end = await scoreRun({
      inputs: newInputs(options, output.done, say),
      engine,
      append: async (row) => {
        await output.append(row);
        await checkpoint();
      },
      pictures: options.outDir === undefined ? undefined : new PictureStore(options.outDir),
      read: { maxBytes: options.maxFileBytes, hash: options.hash },
      timings: options.timings,
      scoreDigits: options.scoreDigits,
      maxErrors: Math.max(-1, options.maxErrors - tally.errors),
      concurrency: options.concurrency ?? engine.concurrency,
      stop: signals.stop,
      drop: signals.drop,
      onRow: (row, facts) => {
        tally.add(row, facts);
      },
    });
    return reasonOf(end, signals.received());
  } finally {
    tally.end();
    counting.abort();
    progress.stop();
    signals.unlisten();
    await output.close(end === 'done');
    if (!options.quiet) process.stderr.write(`\n${summaryText(tally)}`);
    if (end !== 'done') say(`\nTo continue:\n  ${resumeCommand()}`);
    if (options.summaryJson !== undefined) await writeSummary(options.summaryJson, tally);
  }
}

/** The order in which they were typed says nothing, and `top` is a fact of its own. */
function otherThanTop(parameters: Readonly<Record<string, string>>): Record<string, string> {
  const others = Object.entries(parameters).filter(([name]) => name !== 'top');
  return Object.fromEntries(others.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function topOf({ top }: Readonly<Record<string, string>>): number | null {
  return top === undefined ? null : Number(top);
}

function reasonOf(end: RunEnd, signal: 'SIGINT' | 'SIGTERM' | undefined): ExitReason {
  switch (end) {
    case 'done':
      return 'done';
    case 'tooManyErrors':
      return 'tooManyErrors';
    case 'stopped':
      return signal === 'SIGTERM' ? 'terminated' : 'interrupted';
  }
}

/** Those of this shard, each once. */
async function* ownInputs(
  options: ScoreOptions,
  onLoop?: (path: Buffer) => void,
): AsyncGenerator<Input> {
  const { paths, fromFile: list, allFiles, shard } = options;
  const inputs = findInputs({ paths, list, allFiles, ...(onLoop === undefined ? {} : { onLoop }) });
  for await (const input of inputs) {
    if (shard === undefined || shardOf(input.path, shard.count) === shard.index) yield input;
  }
}

/** Those without a row yet. An input that is named twice has one row. */
async function* newInputs(
  options: ScoreOptions,
  done: KeySet,
  say: (text: string) => void,
): AsyncGenerator<Input> {
  const taken = new KeySet();
  const inputs = ownInputs(options, (path) => {
    say(`${pathText(path).path} leads back to a folder above it, and was skipped`);
  });
  for await (const input of inputs) {
    const key = pathKey(inputText(input));
    if (!done.has(key) && taken.add(key)) yield input;
  }
}

/** A second look at the folders, beside the run, to know how many there are. */
async function countInputs(
  options: ScoreOptions,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  // What comes through a pipe comes once.
  if (options.fromFile === '-') return;
  try {
    const inputs = ownInputs(options);
    while ((await inputs.next()).done !== true) {
      if (signal.aborted) return;
      tally.found += 1;
    }
    tally.allFound = true;
  } catch {
    // The run itself reports what is wrong.
  }
}

function checkpoints(output: RowOutput, seconds: number): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < seconds * 1000) return;
    last = performance.now();
    await output.checkpoint();
  };
}

async function dryRun(options: ScoreOptions): Promise<ExitReason> {
  const seen = new KeySet();
  for await (const input of ownInputs(options)) {
    if (!seen.add(pathKey(inputText(input)))) continue;
    const problem = input.problem === undefined ? '' : `\t${input.problem.code}`;
    process.stdout.write(Buffer.concat([input.file, Buffer.from(`${problem}\n`)]));
  }
  return 'done';
}

async function writeSummary(file: string, tally: Tally): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(summaryObject(tally), null, 2)}\n`);
  } catch (thrown) {
    throw outputError(file, thrown);
  }
}

/** What was typed, with --resume; as a shell takes it. */
function resumeCommand(): string {
  const args = process.argv.slice(2).filter((arg) => arg !== '--overwrite' && arg !== '--resume');
  return ['tfjs-serving', 'score', ...args, '--resume']
    .map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
