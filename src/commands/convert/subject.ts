import { CliError } from '../exit-codes';
import type { Config } from '../../config/schema';
import { messageOf } from '../../kernel/errors';
import { findModel, inspectVersion } from '../../models/inspect-model';
import type { RepositoryModel } from '../../models/repository';
import { serverSettings } from '../../models/server-settings';
import type { ServableSpec } from '../../models/servable-spec';
import type { Placement } from '../../runtime/placement';
import { serverConfig } from '../server-config';
import type { ConvertOptions } from './command';

/** The version to convert, and how the server would run it. */
export interface Subject {
  readonly config: Config;
  /** Where the server would run an instance. */
  readonly placement: Placement;
  readonly model: RepositoryModel;
  readonly version: number;
  /** Folder of that version. */
  readonly directory: string;
  readonly spec: ServableSpec;
}

/** @throws CliError usage: no such model or version; engineFailed: it cannot be served */
export async function findSubject(
  options: Pick<ConvertOptions, 'model' | 'modelRepository' | 'version'>,
): Promise<Subject> {
  const config = serverConfig(options.modelRepository);
  const model = await findModel(config.modelRepository, options.model).catch((cause: unknown) => {
    throw new CliError('usage', messageOf(cause), { cause });
  });
  const version = options.version ?? model.versions.at(-1);
  if (version === undefined || !model.versions.includes(version)) {
    throw new CliError(
      'usage',
      `${model.name} has no version ${String(version)}; there are: ${model.versions.join(', ')}`,
    );
  }
  const { defaults, place } = serverSettings(config, process.env);
  const { directory, spec } = await inspectVersion(model, version, defaults).catch(
    (cause: unknown) => {
      throw new CliError('engineFailed', `${model.name} cannot be served: ${messageOf(cause)}`, {
        cause,
      });
    },
  );
  const [placement] = place(spec);
  if (placement === undefined) throw new RangeError('a model has at least one instance');
  return {
    config,
    placement,
    model,
    version,
    directory,
    spec,
  };
}
