import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startService, type Service } from '../../src/compose';
import { configSchema, type Config } from '../../src/config/schema';

export const FIXTURES = path.resolve(__dirname, '../fixtures');
export const SHIPPED = path.resolve(__dirname, '../../saved_models');

/** A path among the test photos. */
export function photo(name: string): string {
  return path.join(FIXTURES, 'photos', name);
}

/** A model of a temporary repository: where its SavedModel is copied from, and its model.json. */
export interface TestModel {
  readonly from: string;
  readonly versions?: readonly number[];
  readonly config?: object;
  /** Folder of a model.json and what belongs to it. */
  readonly settings?: string;
}

/** A toy SavedModel of the fixtures. */
export function toy(name: string, config?: object): TestModel {
  return {
    from: path.join(FIXTURES, 'models', name, '1'),
    ...(config === undefined ? {} : { config }),
  };
}

/** A model that is shipped, with its settings and labels. */
export function shippedModel(name: string): TestModel {
  return { from: path.join(SHIPPED, name, '1'), settings: path.join(SHIPPED, name) };
}

/** Builds a model repository in a temporary folder. */
export async function makeRepository(models: Readonly<Record<string, TestModel>>): Promise<string> {
  const repository = await mkdtemp(path.join(tmpdir(), 'repository-'));
  for (const [name, model] of Object.entries(models)) {
    for (const version of model.versions ?? [1]) await addVersion(repository, name, version, model);
  }
  return repository;
}

/** The version folder appears with everything in it, as a careful deployment does it. */
export async function addVersion(
  repository: string,
  name: string,
  version: number,
  { from, config, settings }: TestModel,
): Promise<void> {
  const folder = path.join(repository, name);
  await mkdir(folder, { recursive: true });
  await cp(from, path.join(folder, String(version)), { recursive: true });
  if (settings !== undefined) {
    // Its versions stay where they are.
    const isVersion = (file: string): boolean => /^\d+$/.test(path.relative(settings, file));
    await cp(settings, folder, { recursive: true, filter: (file) => !isVersion(file) });
  }
  if (config !== undefined) {
    await writeFile(path.join(folder, 'model.json'), JSON.stringify(config));
  }
}

/** Starts the whole server on a free port, quietly. */
export function startTestService(config: Partial<Config>): Promise<Service> {
  return startService(
    configSchema.parse({
      port: 0,
      logLevel: 'silent',
      logFormat: 'json',
      instances: 1,
      optimize: false,
      drainDelayMs: 0,
      ...config,
    }),
  );
}

export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
