import { readSignatures } from '../saved-model/signatures';
import type { Signatures } from '../kernel/tensor';
import { scanRepository, versionDirectory, type RepositoryModel } from './repository';
import { resolveServable, type ServableDefaults, type ServableSpec } from './servable-spec';

/** One version of a model as the server would serve it, found out without loading it. */
export interface InspectedVersion {
  readonly version: number;
  /** Folder of the version. */
  readonly directory: string;
  readonly signatures: Signatures;
  readonly spec: ServableSpec;
}

/**
 * @param version a version that the repository lists
 * @throws ModelConfigError naming every contradiction, SavedModelError
 */
export async function inspectVersion(
  model: RepositoryModel,
  version: number,
  defaults: ServableDefaults,
): Promise<InspectedVersion> {
  const directory = await versionDirectory(model.directory, version);
  const { signatures } = await readSignatures(directory);
  const spec = resolveServable(model.config, signatures, model.labels, defaults);
  return { version, directory, signatures, spec };
}

/**
 * A model of the repository that can be served as far as its folder tells.
 * @throws Error when there is no such model, or its folder has problems; the message says which
 */
export async function findModel(repository: string, name: string): Promise<RepositoryModel> {
  const models = await scanRepository(repository);
  const model = models.find((candidate) => candidate.name === name);
  if (model === undefined) {
    const names = models.map((one) => one.name).join(', ');
    throw new Error(`there is no model "${name}"; there are: ${names === '' ? 'none' : names}`);
  }
  if (model.problems.length > 0) {
    throw new Error(`${name} cannot be served: ${model.problems.join('; ')}`);
  }
  return model;
}
