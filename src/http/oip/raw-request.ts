import { byteStringsOver, type ByteStrings } from '../../kernel/byte-strings';
import { ServingError } from '../../kernel/errors';
import { elementCount, formatShape, isBatchable, type Tensor } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { datatypeOf, elementBytes } from './datatypes';
import { fromBytes, type InputReading } from './input-tensors';

/**
 * The input of a raw binary request: the body is the only input of the model, one row of it. For an
 * image model it is an encoded image, unless it has exactly the bytes of the tensor.
 * @throws ServingError INVALID_INPUT when name, type and shape do not follow from the model
 */
export function* rawInput(reading: InputReading, body: Uint8Array): Steps<Tensor> {
  const { target } = reading;
  const { signature } = target;
  const [spec] = signature.inputs;
  if (spec === undefined || signature.inputs.length > 1) {
    throw invalid(
      `a raw binary request needs a model of one input, and this one takes ${signature.inputs.length}`,
    );
  }
  const { name, dtype } = spec;
  const datatype = dtype === undefined ? undefined : datatypeOf(dtype);
  if (datatype === undefined || spec.shape === undefined) {
    throw invalid(`input "${name}" cannot be sent as a raw binary request`);
  }
  const size = elementBytes(datatype);
  const shape = isBatchable(signature) ? [1, ...spec.shape.slice(1)] : [...spec.shape];
  if (size === undefined) {
    if (shape.some((side) => side !== 1 && side !== -1)) {
      throw invalid(
        `a raw binary request is one element of BYTES, and input "${name}" takes ${formatShape(spec.shape)}`,
      );
    }
    return { name, dtype: 'string', shape: shape.map(() => 1), data: oneString(body) };
  }
  const open = shape.filter((side) => side < 0).length;
  const fixed = elementCount(shape.filter((side) => side >= 0)) * size;
  if (name === target.imageInput && (open > 0 || fixed !== body.byteLength)) {
    return { name, dtype: 'string', shape: [1], data: oneString(body) };
  }
  if (open > 1) {
    throw invalid(
      `input "${name}" takes ${formatShape(spec.shape)}: the shape of a raw binary request does not follow from its length`,
    );
  }
  const length = body.byteLength / fixed;
  if (open === 0 ? length !== 1 : !Number.isInteger(length)) {
    throw invalid(
      `input "${name}" takes ${formatShape(spec.shape)} of ${datatype}, and the raw binary request has ${body.byteLength} bytes`,
    );
  }
  const complete = shape.map((side) => (side < 0 ? length : side));
  return yield* fromBytes(reading, spec, { name, shape: complete, datatype }, body);
}

function oneString(body: Uint8Array): ByteStrings {
  return byteStringsOver(body, Uint32Array.of(0, body.byteLength));
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
