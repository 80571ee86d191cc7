import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Config } from '../../config/schema';
import { messageOf } from '../../kernel/errors';
import { formatShape } from '../../kernel/tensor';
import { parseModelConfig } from '../../models/model-config';
import { isModelName } from '../../models/repository';
import { resolveServable, type ServableSpec } from '../../models/servable-spec';
import { serverSettings } from '../../models/server-settings';
import { askProcess } from '../../process/ask-process';
import { readSignatures } from '../../saved-model/signatures';
import { CliError } from '../exit-codes';
import { NewVersion } from '../new-version';
import type { CommandOutput } from '../run-command';
import { serverConfig } from '../server-config';
import type { ImportOptions } from './command';
import { foreignFormat } from './foreign-formats';
import type { ImportAnswer, ImportTask } from './import-process';
import type { ServedCheckAnswer, ServedCheckTask } from './served-check-process';
import { modelFilesOf, writeModelFiles, type ModelFiles } from './model-files';

type Imported = Extract<ImportAnswer, { kind: 'imported' }> & {
  /** The same comparison with the settings of the server on a CPU. */
  readonly served: ServedCheckAnswer;
};

/**
 * Makes a SavedModel of a TensorFlow.js model, compares the two, and keeps it as a version.
 * @param abort stops it; nothing is left behind
 * @throws CliError
 */
export async function importModel(
  options: ImportOptions,
  { print }: CommandOutput,
  abort: AbortSignal,
): Promise<void> {
  const config = serverConfig(options.modelRepository);
  const directory = path.join(path.resolve(config.modelRepository), options.model);
  const configured = await requireUsable(options, directory);
  const place = await openPlace(directory, options.dryRun === true);
  try {
    const imported = await convert(path.resolve(options.from), place.target, abort);
    const files = await modelFilesOf(imported.notes, options.labels);
    for (const line of checkedLines(options, imported)) print(line);
    // A model.json that is there stays, and is judged by the server when it loads the version.
    if (!configured)
      for (const line of servedLines(await resolve(place.target, files, config))) print(line);
    abort.throwIfAborted();
    if (place.version === undefined) {
      print('--dry-run: nothing was written');
      return;
    }
    let number = 0;
    const note = (version: number): Promise<void> => {
      number = version;
      return configured ? Promise.resolve() : writeModelFiles(directory, files);
    };
    await place.version.publish(note, options.version);
    print(`written: ${path.join(directory, String(number))}`);
    if (configured) print(`the model.json of ${options.model} was left as it was`);
  } finally {
    await place.discard();
  }
}

/** @returns whether the model has a model.json already */
async function requireUsable(options: ImportOptions, directory: string): Promise<boolean> {
  const { from, model, version, overwrite, labels } = options;
  const foreign = foreignFormat(from);
  if (foreign !== undefined) throw new CliError('usage', foreign);
  if (!isModelName(model)) {
    throw new CliError(
      'usage',
      `"${model}" cannot be the name of a model: use letters, digits, ".", "_" and "-", at most 128`,
    );
  }
  await stat(from).catch((cause: unknown) => {
    throw new CliError('usage', `--from: ${messageOf(cause)}`, { cause });
  });
  const names = await readdir(directory).catch((): string[] => []);
  const taken = names.some((name) => /^\d+$/.test(name) && Number(name) === version);
  if (taken && overwrite !== true) {
    throw new CliError(
      'usage',
      `${model} has a version ${String(version)} already: choose another, leave --version out for the next free one, or say --overwrite`,
    );
  }
  const configured = names.includes('model.json');
  if (configured && labels !== undefined) {
    throw new CliError(
      'usage',
      `${model} has a model.json already: name the labels there, and leave --labels out`,
    );
  }
  return configured;
}

/** Where the SavedModel is made; `version` is undefined for a trial. */
interface Place {
  readonly target: string;
  readonly version: NewVersion | undefined;
  discard(): Promise<void>;
}

async function openPlace(directory: string, dryRun: boolean): Promise<Place> {
  if (dryRun) {
    const scratch = mkdtempSync(path.join(tmpdir(), 'tfjs-serving-import-'));
    return {
      target: path.join(scratch, 'model'),
      version: undefined,
      discard: () => {
        rmSync(scratch, { recursive: true, force: true });
        return Promise.resolve();
      },
    };
  }
  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw new CliError('outputFailed', `no model can be added: ${messageOf(cause)}`, { cause });
  });
  const version = await NewVersion.begin(directory);
  return {
    target: version.directory,
    version,
    discard: async () => {
      version.discard();
      // Only where nothing came of it: a folder that holds something stays.
      await rmdir(directory).catch(() => undefined);
    },
  };
}

async function convert(from: string, target: string, signal: AbortSignal): Promise<Imported> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'tfjs-serving-check-'));
  // The sums of a CPU are exact enough to compare by.
  const options = { onCpu: true, signal };
  try {
    const runs = path.join(scratch, 'runs');
    const task: ImportTask = { from, target, runs };
    const answer = await askProcess<ImportAnswer>('commands/import/import-process', task, options);
    if (answer.kind === 'failed') {
      throw new CliError('engineFailed', `the model cannot be imported: ${answer.reason}`);
    }
    const check: ServedCheckTask = { model: target, runs };
    const served = await askProcess<ServedCheckAnswer>(
      'commands/import/served-check-process',
      check,
      options,
    );
    return { ...answer, served };
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError('engineFailed', `the import failed: ${messageOf(cause)}`, { cause });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The model as the server would serve it. */
async function resolve(target: string, files: ModelFiles, config: Config): Promise<ServableSpec> {
  try {
    const { signatures } = await readSignatures(target);
    const modelConfig = parseModelConfig(JSON.stringify(files.config));
    const { defaults } = serverSettings(config, process.env);
    return resolveServable(modelConfig, signatures, files.labels, defaults);
  } catch (cause) {
    throw new CliError('engineFailed', `the model cannot be served: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function checkedLines({ model }: ImportOptions, { format, check, served }: Imported): string[] {
  const kind = format === 'graph-model' ? 'graph model' : 'layers model';
  const oneDnn = process.env.TF_ENABLE_ONEDNN_OPTS === '0' ? 'off' : 'on';
  return [
    `${model}: TensorFlow.js ${kind}`,
    `compared with TensorFlow.js on ${check.runs} random inputs: they differ by ${share(check.relative)} of the largest value`,
    served.kind === 'compared'
      ? `with the settings of the server on a CPU (oneDNN ${oneDnn}): by ${share(served.relative)}`
      : `with the settings of the server on a CPU (oneDNN ${oneDnn}) they could not be compared: ${served.reason}`,
  ];
}

function share(relative: number): string {
  return relative === 0 ? '0' : relative.toExponential(1);
}

function servedLines({ signature, task, assumptions }: ServableSpec): string[] {
  const list = (specs: typeof signature.inputs): string =>
    specs.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(', ');
  return [
    `inputs: ${list(signature.inputs)}`,
    `outputs: ${list(signature.outputs)}`,
    `task: ${task}`,
    ...assumptions.map((text) => `assumed, unless model.json says otherwise: ${text}`),
  ];
}
