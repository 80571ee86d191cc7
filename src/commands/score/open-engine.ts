import { loadConfig } from '../../config/load';
import type { Config } from '../../config/schema';
import { messageOf } from '../../kernel/errors';
import { scanRepository } from '../../models/repository';
import type { EngineRequest, ScoringEngine } from './engines/engine';
import { inProcessEngine, type LocalInference } from './engines/in-process-engine';
import { remoteEngine } from './engines/remote-engine';
import { CliError } from '../exit-codes';
import type { ScoreOptions } from './score-options';

/** Loads models in this process; handed in, as only the composition knows how. */
export type StartLocal = (config: Config) => Promise<LocalInference>;

/** Longer than any queue of the scorer can be: it waits for its own images. */
const QUEUE_TIMEOUT_MS = 3_600_000;

/** @throws CliError usage, engineFailed */
export async function openEngine(
  options: ScoreOptions,
  startLocal: StartLocal,
): Promise<ScoringEngine> {
  const request: EngineRequest = {
    parameters: options.parameters,
    format: options.pictureFormat,
    quality: options.quality,
  };
  const { model, modelVersion: version, server: servers, concurrency } = options;
  if (servers.length > 0) {
    return remoteEngine({
      servers,
      model: model ?? '',
      version,
      request,
      ...(concurrency === undefined ? {} : { perServer: Math.ceil(concurrency / servers.length) }),
    });
  }
  const config = serverConfig(options);
  const name = model ?? (await onlyModel(config));
  const local = await startLocal({ ...config, models: [name] }).catch((cause: unknown) => {
    throw new CliError('engineFailed', messageOf(cause), { cause });
  });
  try {
    // It stays in memory until the process ends.
    await local.manager.bring(name, version);
    return inProcessEngine({ local, model: name, version, request });
  } catch (thrown) {
    await local.stop();
    throw thrown;
  }
}

/** Flags of the scorer over the environment and the file, as the server reads them. */
function serverConfig(options: ScoreOptions): Config {
  const { config, modelRepository, maxBatchSize, instances } = options;
  const args = Object.entries({
    '--config': config,
    '--model-repository': modelRepository,
    '--max-batch-size': maxBatchSize,
    '--instances': instances,
    '--queue-timeout-ms': QUEUE_TIMEOUT_MS,
    '--log-level': 'warn',
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
  try {
    return loadConfig({ args, env: process.env });
  } catch (cause) {
    throw new CliError('usage', messageOf(cause), { cause });
  }
}

async function onlyModel({ modelRepository }: Config): Promise<string> {
  const found = await scanRepository(modelRepository).catch((cause: unknown) => {
    throw new CliError('engineFailed', `${modelRepository} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  });
  const names = found.map(({ name }) => name);
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new CliError(
    'usage',
    names.length === 0
      ? `There is no model in ${modelRepository}`
      : `Choose one with --model: ${names.join(', ')}`,
  );
}
