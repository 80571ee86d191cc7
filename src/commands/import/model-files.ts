import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { messageOf } from '../../kernel/errors';
import { CliError } from '../exit-codes';
import type { PackageNotes } from './package/package-notes';

const LABELS_FILE = 'labels.txt';

/** What goes beside the versions of a model that is new. */
export interface ModelFiles {
  /** model.json, as an object. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly labels: readonly string[] | undefined;
}

/**
 * @param notes what the package says
 * @param labelsFile of the command line, which wins
 * @throws CliError usage when it cannot be read or is empty
 */
export async function modelFilesOf(
  { labels: packaged, input }: PackageNotes,
  labelsFile: string | undefined,
): Promise<ModelFiles> {
  const labels = labelsFile === undefined ? packaged : await readLabels(labelsFile);
  return {
    config: {
      ...(input === undefined ? {} : { input }),
      ...(labels === undefined ? {} : { labels: LABELS_FILE }),
    },
    labels,
  };
}

export async function writeModelFiles(
  directory: string,
  { config, labels }: ModelFiles,
): Promise<void> {
  if (Object.keys(config).length === 0) return;
  if (labels !== undefined) {
    await writeFile(path.join(directory, LABELS_FILE), `${labels.join('\n')}\n`);
  }
  await writeFile(path.join(directory, 'model.json'), `${JSON.stringify(config, undefined, 2)}\n`);
}

async function readLabels(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CliError('usage', `--labels: ${file} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const labels = text.replace(/\n$/, '').split(/\r?\n/);
  if (text.trim() === '') throw new CliError('usage', `--labels: ${file} is empty`);
  return labels;
}
