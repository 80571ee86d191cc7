import { ServingError } from '../kernel/errors';
import { isAnswerable, notCarried, type Signature, type Tensor } from '../kernel/tensor';
import type { Servable } from '../models/servable';
import type { TensorTarget } from './tensor-request';

/**
 * What a request is run on.
 * @param wanted name of a signature; the one that model.json names when undefined or empty
 * @throws ServingError INVALID_INPUT when there is no such signature
 */
export function targetOf(servable: Servable, wanted: string | undefined): TensorTarget {
  const { spec, signatures, name, version } = servable;
  const signatureName = wanted === undefined || wanted === '' ? spec.signatureName : wanted;
  const signature = Object.hasOwn(signatures, signatureName)
    ? signatures[signatureName]
    : undefined;
  if (signature === undefined) {
    throw new ServingError(
      'INVALID_INPUT',
      `Serving signature name: "${signatureName}" not found in signature def`,
    );
  }
  const imageInput = signatureName === spec.signatureName ? spec.image?.inputName : undefined;
  const { independent: independentRows } = servable.rowsOf(signatureName);
  return { model: name, version, signatureName, signature, spec, independentRows, imageInput };
}

/**
 * Names of the outputs to fetch: those asked for, or all that can be answered. Always named and in the order of the signature, so that requests for the same share a batch.
 * @throws ServingError INVALID_INPUT for a name that is not there, or a type that cannot be carried
 */
export function chooseOutputs(
  signature: Signature,
  wanted: readonly string[] | undefined,
): string[] {
  const names = signature.outputs.map(({ name }) => name);
  for (const name of wanted ?? []) {
    if (!names.includes(name)) {
      throw new ServingError(
        'INVALID_INPUT',
        `there is no output "${name}"; the signature answers ${names.map((known) => `"${known}"`).join(', ')}`,
      );
    }
  }
  const chosen = signature.outputs.filter((output) =>
    wanted === undefined ? isAnswerable(output) : wanted.includes(output.name),
  );
  const uncarried = chosen.find(({ dtype }) => dtype === undefined);
  if (uncarried !== undefined) {
    throw new ServingError('INVALID_INPUT', notCarried('output', uncarried));
  }
  if (chosen.length === 0) {
    const types = signature.outputs.map(({ name, tfDtype }) => `"${name}" ${tfDtype}`).join(', ');
    throw new ServingError(
      'INVALID_INPUT',
      `the signature has no output of a type that can be answered: ${types}`,
    );
  }
  return chosen.map(({ name }) => name);
}

/** In the order of the signature. */
export function inOrder(signature: Signature, inputs: readonly Tensor[]): readonly Tensor[] {
  const place = new Map(signature.inputs.map(({ name }, index) => [name, index]));
  return [...inputs].sort((a, b) => (place.get(a.name) ?? -1) - (place.get(b.name) ?? -1));
}
