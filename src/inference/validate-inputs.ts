import { ServingError } from '../kernel/errors';
import { entriesPerElement } from '../kernel/element-types';
import {
  elementCount,
  formatShape,
  notCarried,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../kernel/tensor';

/**
 * Checks inputs against a signature before they are queued: a batch must not fail on one of its
 * requests, and TensorFlow's own messages name neither the input nor what it takes.
 * @throws ServingError INVALID_INPUT naming the input, what was expected and what was given
 */
export function validateInputs(signature: Signature, inputs: readonly Tensor[]): void {
  const names = signature.inputs.map(({ name }) => name);
  for (const { name } of inputs) {
    if (!names.includes(name)) {
      throw invalid(`there is no input "${name}"; the signature takes ${quoted(names)}`);
    }
  }
  for (const spec of signature.inputs) {
    const given = inputs.filter(({ name }) => name === spec.name);
    const [tensor] = given;
    if (tensor === undefined) {
      throw invalid(`input "${spec.name}" is missing; the signature takes ${quoted(names)}`);
    }
    if (given.length > 1) throw invalid(`input "${spec.name}" was given ${given.length} times`);
    validateTensor(spec, tensor);
  }
}

function validateTensor(spec: TensorSpec, tensor: Tensor): void {
  const { name, dtype, shape, data } = tensor;
  if (spec.dtype === undefined) {
    throw invalid(notCarried('input', spec));
  }
  if (dtype !== spec.dtype) {
    throw invalid(`input "${name}" must be ${spec.dtype} and was given as ${dtype}`);
  }
  const fits =
    spec.shape === undefined ||
    (spec.shape.length === shape.length &&
      spec.shape.every((size, axis) => size < 0 || size === shape[axis]));
  if (!fits) {
    throw invalid(
      `input "${name}" must have shape ${formatShape(spec.shape)} and was given ${formatShape(shape)}`,
    );
  }
  const expected = elementCount(shape) * entriesPerElement(dtype);
  if (data.length !== expected) {
    throw invalid(
      `input "${name}" of shape ${formatShape(shape)} holds ${expected} values and was given ${data.length}`,
    );
  }
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
