import { readFile, rename, writeFile } from 'node:fs/promises';

import { z } from 'zod';

import { hasErrorCode } from '../../../kernel/errors';
import { CliError } from '../../exit-codes';
import { outputError } from './growing-file';

const factsSchema = z.object({
  model: z.string(),
  version: z.string(),
  /** Predictions a row; null for the model's own number. */
  top: z.number().nullable(),
  /** Parameters of the task, as given. */
  parameters: z.record(z.string(), z.string()).default({}),
  /** Whether masks are kept as files; pictures always are. */
  masks: z.boolean().default(false),
  hash: z.boolean(),
  timings: z.boolean(),
  shard: z.object({ index: z.number().int(), count: z.number().int() }).nullable(),
  /** Rows when every input had one; null before. */
  rows: z.number().int().nullable(),
});

/** What a file of rows was made with, beside it: to resume only what belongs together. */
export type RunFacts = z.infer<typeof factsSchema>;

export function factsFile(output: string): string {
  return `${output}.run.json`;
}

/** @throws CliError outputFailed */
export async function writeFacts(output: string, facts: RunFacts): Promise<void> {
  const file = factsFile(output);
  try {
    await writeFile(`${file}.partial`, `${JSON.stringify(facts, null, 2)}\n`);
    await rename(`${file}.partial`, file);
  } catch (thrown) {
    throw outputError(file, thrown);
  }
}

/**
 * @returns undefined when there are none
 * @throws CliError usage when they cannot be read
 */
export async function readFacts(output: string): Promise<RunFacts | undefined> {
  const file = factsFile(output);
  try {
    return factsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    if (hasErrorCode(cause, 'ENOENT')) return undefined;
    throw new CliError('usage', `${file} cannot be read`, { cause });
  }
}

/** In words, what differs between two runs; empty when one can go on where the other stopped. */
export function differences(before: RunFacts, now: RunFacts): string[] {
  const keys = [
    'model',
    'version',
    'top',
    'parameters',
    'masks',
    'hash',
    'timings',
    'shard',
  ] as const;
  return keys.flatMap((key) => {
    const [was, is] = [JSON.stringify(before[key]), JSON.stringify(now[key])];
    return was === is ? [] : [`${key} was ${was} and is ${is}`];
  });
}
