import { CliError } from '../cli/exit-codes';
import { loadConfig } from '../config/load';
import type { Config } from '../config/schema';
import { messageOf } from '../errors';
import { scanRepository, versionDirectory, type RepositoryModel } from '../models/repository';
import { resolveServable, type ServableSpec } from '../models/servable-spec';
import {
  deviceDefaults,
  planDevices,
  readRuntimeInstall,
  type DevicePlan,
} from '../runtime/devices';
import { readSavedModel } from '../runtime/saved-model-signatures';
import { servableDefaults } from '../servable-defaults';
import type { OptimizeOptions } from './command';

/** The version to convert, and how the server would run it. */
export interface Subject {
  readonly config: Config;
  readonly plan: DevicePlan;
  /** Threads of one TensorFlow operation, as the server would set them. */
  readonly intraOpThreads: number | undefined;
  readonly model: RepositoryModel;
  readonly version: number;
  /** Folder of that version. */
  readonly directory: string;
  readonly spec: ServableSpec;
}

/** @throws CliError usage: no such model or version; engineFailed: it cannot be served */
export async function findSubject(
  options: Pick<OptimizeOptions, 'model' | 'repository' | 'version'>,
): Promise<Subject> {
  const config = serverConfig(options.repository);
  const model = await findModel(config.modelRepository, options.model);
  const version = options.version ?? model.versions.at(-1);
  if (version === undefined || !model.versions.includes(version)) {
    throw new CliError(
      'usage',
      `${model.name} has no version ${String(version)}; there are: ${model.versions.join(', ')}`,
    );
  }
  const plan = planDevices(readRuntimeInstall(), config.gpus, process.env);
  const defaults = deviceDefaults(plan, config.instances);
  const directory = await versionDirectory(model.directory, version);
  try {
    const { signatures } = readSavedModel(directory);
    return {
      config,
      plan,
      intraOpThreads: config.intraOpThreads ?? defaults.intraOpThreads,
      model,
      version,
      directory,
      spec: resolveServable(
        model.config,
        signatures,
        model.labels,
        servableDefaults(config, defaults),
      ),
    };
  } catch (cause) {
    throw new CliError('engineFailed', `${model.name} cannot be served: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function serverConfig(repository: string | undefined): Config {
  try {
    return loadConfig({
      args: repository === undefined ? [] : ['--model-repository', repository],
      env: process.env,
    });
  } catch (cause) {
    throw new CliError('usage', messageOf(cause), { cause });
  }
}

async function findModel(repository: string, name: string): Promise<RepositoryModel> {
  const models = await scanRepository(repository).catch((cause: unknown) => {
    throw new CliError('usage', `${repository} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const model = models.find((candidate) => candidate.name === name);
  if (model === undefined) {
    const names = models.map((one) => one.name).join(', ');
    throw new CliError('usage', `there is no model "${name}"; there are: ${names}`);
  }
  if (model.problems.length > 0) {
    throw new CliError('engineFailed', `${name} cannot be served: ${model.problems.join('; ')}`);
  }
  return model;
}
