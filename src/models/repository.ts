import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import { labelFilesOf } from '../tasks/inputs/input-config';
import { labelsFileOf, ModelConfigError, parseModelConfig, type ModelConfig } from './model-config';
import { messageOf, hasErrorCode } from '../kernel/errors';
import {
  describeFile,
  describeFolder,
  describeMisplaced,
  describeTensorFlowJs,
  isTensorFlowJs,
} from './foreign-models';
import { fingerprintOf } from './version-fingerprint';

/** One folder of the model repository. */
export interface RepositoryModel {
  readonly name: string;
  readonly directory: string;
  /** Integer version folders, ascending; only those that hold a saved_model.pb. */
  readonly versions: readonly number[];
  readonly config: ModelConfig;
  /** Labels in index order, when model.json names a file. */
  readonly labels: readonly string[] | undefined;
  /** Labels of inputs, by role, where model.json names files of them. */
  readonly inputLabels?: ReadonlyMap<string, readonly string[]> | undefined;
  /** False when there is no model.json. */
  readonly configured: boolean;
  /** What keeps the model from being served; empty when nothing does. */
  readonly problems: readonly string[];
  /** Changes when model.json or the labels change. */
  readonly configRevision: string;
  /** Changes, by version, when a file of its SavedModel does. */
  readonly fileRevisions: ReadonlyMap<number, string>;
}

/** Changes when anything changes that a version was loaded from. */
export function revisionOf(model: RepositoryModel, version: number): string {
  return `${model.configRevision} ${model.fileRevisions.get(version) ?? ''}`;
}

/** A version folder is a whole number, as in TensorFlow Serving: `1`, `00042`, `1700000000`. */
const VERSION = /^\d{1,15}$/;
/** Names end up in URLs and metric labels. */
const MODEL_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Whether a folder of that name can be a model. */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name);
}

/**
 * Lists the models of a repository folder, sorted by name. A broken model is listed with its
 * problems; it never keeps the others from being found. Files that are models of another format are
 * listed as such.
 * @throws Error when the repository folder itself cannot be read, or is not one but a model
 */
export async function scanRepository(repository: string): Promise<RepositoryModel[]> {
  const directory = path.resolve(repository);
  const entries = await readdir(directory, { withFileTypes: true });
  const folders = entries
    .filter(
      (entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()),
    )
    .map((entry) => entry.name)
    .sort();
  const found = await Promise.all(
    folders.map(async (name) =>
      (await isDirectory(path.join(directory, name))) ? [await readModel(name, directory)] : [],
    ),
  );
  const models = found.flat();
  const misplaced = await describeMisplaced(
    directory,
    models.some(({ versions }) => versions.length > 0),
  );
  if (misplaced !== undefined) throw new Error(misplaced);
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return [...models, ...files.flatMap((name) => strayModel(name, directory))].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}

/** A model of another format that lies where its folder should: listed, so that whoever put it there is told. */
function strayModel(name: string, repository: string): RepositoryModel[] {
  const directory = path.join(repository, name);
  const problem = describeFile(directory);
  if (problem === undefined) return [];
  return [
    {
      name,
      directory,
      versions: [],
      config: {},
      labels: undefined,
      configured: false,
      problems: [problem],
      configRevision: problem,
      fileRevisions: new Map(),
    },
  ];
}

/**
 * Folder of one version; the folder's own name is kept (`007` is version 7). Where it has gone
 * meanwhile, the name it would have: loading it then tells the reason.
 */
export async function versionDirectory(modelDirectory: string, version: number): Promise<string> {
  const names = await readdir(modelDirectory).catch(() => []);
  const name = names.find((entry) => VERSION.test(entry) && Number(entry) === version);
  return path.join(modelDirectory, name ?? String(version));
}

async function readModel(name: string, repository: string): Promise<RepositoryModel> {
  const directory = path.join(repository, name);
  const problems: string[] = [];
  const hash = createHash('sha256');
  let config: ModelConfig = {};
  let configured = false;
  let foreign = false;
  let labels: string[] | undefined;
  const inputLabels = new Map<string, readonly string[]>();
  let fileRevisions: ReadonlyMap<number, string> = new Map();
  try {
    if (!isModelName(name)) {
      problems.push(
        `the folder name "${name}" is not a valid model name: use letters, digits, ".", "_" and "-", at most 128`,
      );
    }
    const roots = [await realpath(repository), await realpath(directory)];
    const text = await readWithin(roots, path.join(directory, 'model.json'), 'model.json');
    foreign = text !== undefined && isTensorFlowJs(text);
    if (text !== undefined && foreign) {
      throw new ModelConfigError([
        describeTensorFlowJs(directory, text, path.join(directory, '1')),
      ]);
    }
    if (text !== undefined) {
      configured = true;
      hash.update(text);
      config = parseModelConfig(text);
      const labelsFile = labelsFileOf(config);
      if (labelsFile !== undefined) {
        const labelText = await readLabels(roots, directory, labelsFile, 'output.labels');
        hash.update(labelText);
        labels = splitLabels(labelText);
      }
      for (const [role, file] of labelFilesOf(config.inputs)) {
        const labelText = await readLabels(roots, directory, file, `inputs.${role}: labels`);
        hash.update(labelText);
        inputLabels.set(role, splitLabels(labelText));
      }
    }
  } catch (thrown) {
    problems.push(...problemsOf(thrown));
  }
  try {
    fileRevisions = await listVersions(directory);
    if (fileRevisions.size === 0 && !foreign) {
      problems.push(
        (await describeFolder(directory)) ??
          'no version: a folder with a whole number as its name and a saved_model.pb inside is needed, such as 1/saved_model.pb',
      );
    }
  } catch (thrown) {
    problems.push(...problemsOf(thrown));
  }
  return {
    name,
    directory,
    versions: [...fileRevisions.keys()],
    config,
    labels,
    inputLabels,
    configured,
    problems,
    configRevision: hash.digest('hex'),
    fileRevisions,
  };
}

/** Versions, ascending, with what tells the files of one from those that take their place. */
async function listVersions(directory: string): Promise<ReadonlyMap<number, string>> {
  const names = (await readdir(directory)).filter((name) => VERSION.test(name));
  const versions = await Promise.all(
    names.map(async (name) => {
      const fingerprint = await fingerprintOf(path.join(directory, name));
      return fingerprint === undefined ? [] : [[Number(name), fingerprint] as const];
    }),
  );
  return new Map(versions.flat().sort(([a], [b]) => a - b));
}

async function readLabels(
  roots: readonly string[],
  directory: string,
  file: string,
  where: string,
): Promise<string> {
  const key = `model.json.${where}`;
  const resolved = path.resolve(directory, file);
  if (!isBelow(directory, resolved)) {
    throw new ModelConfigError([`${key}: must name a file in the model folder`]);
  }
  const text = await readWithin(roots, resolved, key);
  if (text === undefined) throw new ModelConfigError([`${key}: there is no file "${file}"`]);
  return text;
}

/** One label a line; a last line break ends the last label and starts no new one. */
function splitLabels(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/**
 * Text of a file; undefined when there is none. A link that leads out of the repository would show
 * clients whatever this process may read.
 * @param roots folders in one of which the file itself must be, links followed: the repository, and
 * the model's own, which may be a link to somewhere else
 * @param what it is called in messages
 * @throws ModelConfigError when it is somewhere else, or not a file
 */
async function readWithin(
  roots: readonly string[],
  file: string,
  what: string,
): Promise<string | undefined> {
  try {
    const real = await realpath(file);
    if (!roots.some((root) => isBelow(root, real))) {
      throw new ModelConfigError([`${what}: a link leads out of the model repository`]);
    }
    // Reading a pipe or a device would not end.
    if (!(await stat(real)).isFile()) throw new ModelConfigError([`${what}: is not a file`]);
    return await readFile(real, 'utf8');
  } catch (thrown) {
    if (hasErrorCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

function isBelow(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative.split(path.sep)[0] !== '..';
}

async function isDirectory(directory: string): Promise<boolean> {
  return (await stat(directory).catch(() => undefined))?.isDirectory() === true;
}

function problemsOf(thrown: unknown): readonly string[] {
  if (thrown instanceof ModelConfigError) return thrown.problems;
  return [messageOf(thrown)];
}
