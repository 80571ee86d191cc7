import os from 'node:os';

import { Command, InvalidArgumentError, Option } from 'commander';

import type { EncodeFormat } from '../../imaging/encode';
import { CliError } from '../exit-codes';
import { formatOf, ROW_FORMATS, type RowFormat } from './rows/read-rows';

interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** What the flags of the scorer come to. */
export interface ScoreOptions {
  readonly paths: readonly string[];
  readonly fromFile: string | undefined;
  readonly allFiles: boolean;
  readonly model: string | undefined;
  readonly modelVersion: number | undefined;
  readonly modelRepository: string | undefined;
  readonly config: string | undefined;
  readonly server: readonly string[];
  readonly output: string;
  readonly format: RowFormat;
  readonly existing: 'refuse' | 'resume' | 'overwrite';
  readonly outDir: string | undefined;
  readonly pictureFormat: EncodeFormat;
  readonly quality: number | undefined;
  readonly top: number | undefined;
  /** Parameters of the model's task, `--top` among them. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly hash: boolean;
  readonly timings: boolean;
  readonly scoreDigits: number;
  readonly maxErrors: number;
  readonly maxFileBytes: number;
  readonly maxBatchSize: number | undefined;
  readonly instances: number | undefined;
  readonly concurrency: number | undefined;
  readonly checkpointSeconds: number;
  readonly shard: Shard | undefined;
  readonly dryRun: boolean;
  readonly quiet: boolean;
  readonly summaryJson: string | undefined;
  /** The page to look at the results; written once every input has its row. */
  readonly report: string | undefined;
  /** True classes for the page. */
  readonly labels: string | undefined;
}

/** As commander hands them over. */
type Flags = Omit<
  ScoreOptions,
  'paths' | 'format' | 'existing' | 'shard' | 'output' | 'parameters'
> & {
  readonly output: string;
  readonly format: RowFormat | undefined;
  readonly param: readonly string[];
  readonly resume: boolean;
  readonly overwrite: boolean;
  readonly shard: Shard | undefined;
  readonly shards: number | undefined;
};

const EXAMPLES = `
Examples:
  # Every image under a folder, through the only model of ./saved_models
  tfjs-serving score photos --output scores.jsonl

  # The same, going on where it was stopped
  tfjs-serving score photos --output scores.jsonl --resume

  # Through two running servers
  tfjs-serving score photos --server http://a:8080 --server http://b:8080 --model classifier

  # Pictures in a mirrored tree
  tfjs-serving score photos --model span-x2 --out-dir larger --picture-format webp

  # Boxes of what is seen with a score of 0.3 or more
  tfjs-serving score photos --model detector --param threshold=0.3

  # A list with odd names
  find /data -name '*.jpg' -print0 | tfjs-serving score --from-file - --output scores.parquet

  # Part 0 of 4, elsewhere the others; then together
  tfjs-serving score photos --shard 0/4 --output scores-{shard}.jsonl
  tfjs-serving merge scores.jsonl scores-0.jsonl scores-1.jsonl scores-2.jsonl scores-3.jsonl

  # A page to look at the result, with accuracy; later again from the rows
  tfjs-serving score photos --report report.html --labels labels.csv
  tfjs-serving report scores.jsonl --out report.html --labels labels.csv

Exit codes: 0 every input has a row, 2 wrong options, 3 stopped by --max-errors, 4 the output cannot
be written, 5 no model or no server, 6 a merge is incomplete, 7 the report cannot be written, 130
stopped by Ctrl-C.`;

/** The command that scores; `run` gets the options. */
export function scoreCommand(run: (options: ScoreOptions) => Promise<void>): Command {
  const own = os.availableParallelism();
  return new Command()
    .description('Scores every image of folders, lists or patterns and writes a row for each')
    .argument('[paths...]', 'folders, files and patterns such as "photos/**/*.jpg"')
    .option(
      '--from-file <list>',
      'paths from a file, a line each or NUL between them; - is standard input',
    )
    .option(
      '--all-files',
      'files of any name and hidden ones, not only those named as images',
      false,
    )
    .option('--model <name>', 'model; not needed where there is only one')
    .option('--model-version <n>', 'version of the model; the newest when absent', whole(0))
    .option('--model-repository <folder>', 'model repository, for scoring in this process')
    .option('--config <file>', 'configuration of the server, for scoring in this process')
    .option(
      '--server <url>',
      'score through a running server; may be given several times',
      collect,
      [],
    )
    .option(
      '--output <file>',
      'rows; {shard} in the name becomes the number of the shard',
      'scores.jsonl',
    )
    .addOption(
      new Option(
        '--format <format>',
        'of the rows; the name of the file says it otherwise',
      ).choices(ROW_FORMATS),
    )
    .option('--resume', 'go on with an output that is there; begin it when there is none', false)
    .option('--overwrite', 'begin the output anew', false)
    .option(
      '--out-dir <folder>',
      'where generated pictures and masks go, in a tree like that of the inputs',
    )
    .addOption(
      new Option('--picture-format <format>', 'of generated pictures')
        .choices(['png', 'jpeg', 'webp'])
        .default('png'),
    )
    .option('--quality <n>', 'of jpeg and webp pictures, 1 to 100', whole(1, 100))
    .option('--top <n>', 'predictions of an image; the model says it otherwise', whole(1, 100_000))
    .option(
      '--param <name=value>',
      'parameter of the task, such as threshold=0.3; may be given several times',
      collect,
      [],
    )
    .option('--hash', 'the SHA-256 of each file in its row', false)
    .option('--no-timings', 'rows without the time that each took')
    .option('--score-digits <n>', 'decimals of a score', whole(1, 15), 6)
    .option('--max-errors <n>', 'rows that are errors before it stops', whole(0), Infinity)
    .option('--max-file-bytes <n>', 'bytes of one file', whole(1), 32 * 1024 * 1024)
    .option('--max-batch-size <n>', 'as of the server, for scoring in this process', whole(1, 4096))
    .option('--instances <n>', 'as of the server, for scoring in this process', whole(1, 64))
    .option(
      '--concurrency <n>',
      `images under way at once; chosen for the model otherwise (${own} cores here)`,
      whole(1, 10_000),
    )
    .option(
      '--checkpoint-seconds <n>',
      'time between two flushes to the disk',
      whole(1, 86_400),
      10,
    )
    .option('--shard <i/n>', 'only part i of n, i from 0', parseShard)
    .option('--shards <n>', 'number of parts; the part is JOB_COMPLETION_INDEX', whole(1, 100_000))
    .option('--dry-run', 'print the paths that would be scored, and end', false)
    .option('--quiet', 'no progress and no summary', false)
    .option('--summary-json <file>', 'the summary as JSON')
    .option('--report <file>', 'a page to look at the results, such as report.html')
    .option('--labels <file>', 'true classes for --report: CSV with file and class_index or label')
    .addHelpText('after', EXAMPLES)
    .action((paths: string[], flags: Flags) => run(resolve(paths, flags)));
}

/** @throws CliError usage with everything that does not go together */
function resolve(paths: readonly string[], flags: Flags): ScoreOptions {
  const problems: string[] = [];
  const { resume, overwrite, shards, shard: part, param, ...rest } = flags;
  const parameters = parametersOf(param, rest.top, problems);
  if (paths.length === 0 && rest.fromFile === undefined) {
    problems.push('nothing to score: give folders, files or patterns, or --from-file');
  }
  if (rest.labels !== undefined && rest.report === undefined) {
    problems.push('--labels is for --report, which is missing');
  }
  if (resume && overwrite) problems.push('--resume and --overwrite exclude each other');
  if (rest.server.length > 0) {
    for (const name of ['modelRepository', 'config', 'maxBatchSize', 'instances'] as const) {
      if (rest[name] !== undefined)
        problems.push(`${flagOf(name)} is for scoring in this process, not with --server`);
    }
    if (rest.model === undefined) problems.push('--server needs --model');
    for (const url of rest.server)
      if (!/^https?:\/\//.test(url))
        problems.push(`--server ${url}: must begin with http:// or https://`);
  }
  const shard = part ?? shardOfJob(shards, problems);
  const output = rest.output.replaceAll('{shard}', String(shard?.index ?? 0));
  const format = rest.format ?? formatOf(output);
  if (format === undefined) {
    problems.push(
      `--output ${output}: the name must end with .jsonl, .csv or .parquet, or --format must say it`,
    );
  }
  if (problems.length > 0 || format === undefined) throw new CliError('usage', problems.join('\n'));
  return {
    ...rest,
    parameters,
    paths,
    output,
    format,
    shard,
    existing: resume ? 'resume' : overwrite ? 'overwrite' : 'refuse',
  };
}

function parametersOf(
  given: readonly string[],
  top: number | undefined,
  problems: string[],
): Record<string, string> {
  const parameters = new Map(top === undefined ? [] : [['top', String(top)]]);
  for (const text of given) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    if (name === '') problems.push(`--param ${text}: must be name=value, such as threshold=0.3`);
    else if (parameters.has(name)) problems.push(`--param ${text}: ${name} is given twice`);
    parameters.set(name, value);
  }
  return Object.fromEntries(parameters);
}

/** The part of a Kubernetes indexed Job. */
function shardOfJob(count: number | undefined, problems: string[]): Shard | undefined {
  const index = process.env.JOB_COMPLETION_INDEX;
  if (count === undefined) {
    if (index !== undefined) {
      problems.push(
        'JOB_COMPLETION_INDEX is set, and --shards does not say how many parts there are',
      );
    }
    return undefined;
  }
  if (index === undefined || !/^\d+$/.test(index) || Number(index) >= count) {
    problems.push(
      `--shards ${count} needs JOB_COMPLETION_INDEX from 0 to ${count - 1}, or use --shard i/n`,
    );
    return undefined;
  }
  return { index: Number(index), count };
}

function parseShard(text: string): Shard {
  const [, index = '', count = ''] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (count === '' || Number(index) >= Number(count)) {
    throw new InvalidArgumentError('It must be i/n with i from 0 to n-1, such as 0/4.');
  }
  return { index: Number(index), count: Number(count) };
}

function whole(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(
      high === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number from ${low}.`
        : `It must be a whole number from ${low} to ${high}.`,
    );
  };
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
