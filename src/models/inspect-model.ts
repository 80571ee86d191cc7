import { decodedInputs } from '../saved-model/decoded-inputs';
import { outputOperations } from '../saved-model/output-operations';
import { readSignatures } from '../saved-model/signatures';
import type { Signature, Signatures } from '../kernel/tensor';
import { takesUpload } from '../tasks/inputs/model-inputs';
import type { ModelConfig } from './model-config';
import { scanRepository, versionDirectory, type RepositoryModel } from './repository';
import {
  chooseSignature,
  resolveServable,
  type KnownOfGraph,
  type ServableDefaults,
  type ServableSpec,
} from './servable-spec';

/** One version of a model as the server would serve it, found out without loading it. */
export interface InspectedVersion {
  readonly version: number;
  /** Folder of the version. */
  readonly directory: string;
  readonly signatures: Signatures;
  readonly spec: ServableSpec;
}

/** What decides how a version is served. */
export interface VersionSource {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly labels: readonly string[] | undefined;
  /** Of inputs, by role. */
  readonly inputLabels?: ReadonlyMap<string, readonly string[]> | undefined;
}

/**
 * Reads a version and combines it with its model.json; the graph is looked at where the signature does not
 * tell the task.
 * @throws ModelConfigError naming every contradiction, SavedModelError
 */
export async function resolveVersion(
  { directory, config, labels, inputLabels }: VersionSource,
  defaults: ServableDefaults,
): Promise<Pick<InspectedVersion, 'signatures' | 'spec'>> {
  const { signatures } = await readSignatures(directory);
  const resolve = (known: KnownOfGraph): ServableSpec =>
    resolveServable(config, signatures, labels, defaults, known, inputLabels);
  const { signature } = chooseSignature(config, signatures);
  const decoded = await filesTaken(directory, config, signature);
  const spec = resolve({ decoded });
  const { node = '', shape } =
    signature.outputs.find(({ name }) => name === spec.output.name) ?? {};
  const mayBeScores = takesUpload(spec.inputs) && spec.task === 'tensor' && shape?.length === 2;
  if (config.task !== undefined || !mayBeScores) return { signatures, spec };
  const operations = await outputOperations(directory, [node]);
  return { signatures, spec: resolve({ decoded, operations }) };
}

/** Inputs that may take files of pictures, looked up in the graph. */
async function filesTaken(
  directory: string,
  { task, inputs }: ModelConfig,
  signature: Signature,
): Promise<KnownOfGraph['decoded']> {
  const strings = signature.inputs.filter(({ dtype }) => dtype === 'string');
  const isAlone = inputs === undefined && signature.inputs.length === 1;
  const saysImage = Object.values(inputs ?? {}).some(({ image }) => image !== undefined);
  const asks = (isAlone || saysImage) && task !== 'tensor' && task !== 'text-generation';
  if (strings.length === 0 || !asks) return undefined;
  const found = await decodedInputs(
    directory,
    strings.map(({ node }) => node),
  );
  return new Map(
    strings.flatMap(({ name, node }) => {
      const formats = found.get(node);
      return formats === undefined ? [] : [[name, formats] as const];
    }),
  );
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
  const { signatures, spec } = await resolveVersion({ ...model, directory }, defaults);
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
