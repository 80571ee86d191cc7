import type { Servable } from '../../models/servable';
import type { TensorSpec } from '../../kernel/tensor';
import { datatypeName } from './datatypes';

/** Platform and backend by their names in Triton. */
export const PLATFORM = 'tensorflow_savedmodel';

/** Metadata of a model: the signature that infer runs unless a request names another. */
export function modelMetadataBody(
  { servables }: { readonly servables: readonly Pick<Servable, 'version' | 'state'>[] },
  { name, spec }: Pick<Servable, 'name' | 'spec'>,
): object {
  return {
    name,
    versions: servables
      .filter(({ state }) => state === 'AVAILABLE')
      .map(({ version }) => String(version)),
    platform: PLATFORM,
    inputs: spec.signature.inputs.map(tensorMetadata),
    outputs: spec.signature.outputs.map(tensorMetadata),
  };
}

/** `shape` with the batch dimension, -1 for any size; a tensor of unknown rank as [-1]. */
function tensorMetadata({ name, tfDtype, shape }: TensorSpec): object {
  return { name, datatype: datatypeName(tfDtype), shape: shape ?? [-1] };
}
