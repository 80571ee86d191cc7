import { ServingError } from '../../kernel/errors';
import type { TensorTarget } from '../../inference/tensor-inference';
import type { Tensor, TensorSpec } from '../../kernel/tensor';
import type { JsonValue } from '../json/lossless-json';
import { isJsonObject, property, type JsonObject } from '../json/parse-json';
import { isBase64Object } from '../tensors/json-elements';
import { tensorFromNested } from '../tensors/nested-json';
import { typeError } from './json-type-error';

/** How a predict request names its tensors, and how it is answered. */
export interface PredictBody {
  /** row: `instances`, one value a row; column: `inputs`, one value a tensor. */
  readonly format: 'row' | 'column';
  readonly value: JsonValue;
}

/** @throws ServingError BAD_REQUEST */
export function predictBody(request: JsonObject): PredictBody {
  const instances = property(request, 'instances');
  const inputs = property(request, 'inputs');
  if (instances !== undefined && inputs !== undefined) {
    throw new ServingError(
      'BAD_REQUEST',
      "Expecting only one of 'inputs' or 'instances' keys, and both were given",
    );
  }
  if (inputs !== undefined) return { format: 'column', value: inputs };
  if (instances === undefined) {
    throw new ServingError('BAD_REQUEST', "Missing 'inputs' or 'instances' key");
  }
  if (!Array.isArray(instances)) throw typeError(instances, 'list');
  if (instances.length === 0) {
    throw new ServingError('BAD_REQUEST', "'instances' is an empty list: there is no row to run");
  }
  return { format: 'row', value: instances };
}

/**
 * The tensors of a request, now that the signature is known.
 * @throws ServingError INVALID_INPUT
 */
export function predictInputs(target: TensorTarget, { format, value }: PredictBody): Tensor[] {
  return format === 'row'
    ? fromRows(target, value as readonly JsonValue[])
    : fromColumns(target, value);
}

/** An object, but not one that stands for bytes. */
function namesTensors(value: JsonValue | undefined): value is JsonObject {
  return isJsonObject(value) && !isBase64Object(value);
}

function fromRows(target: TensorTarget, instances: readonly JsonValue[]): Tensor[] {
  if (!namesTensors(instances[0]))
    return [tensor(target, onlyInput(target, 'instances'), instances)];
  const rows = instances.map((instance, index) => {
    if (namesTensors(instance)) return instance;
    throw invalid(
      `Expecting an object at position ${index} of 'instances', as at position 0; a list or value was given`,
    );
  });
  for (const [index, row] of rows.entries()) {
    for (const name of Object.keys(row)) {
      if (!target.signature.inputs.some((input) => input.name === name)) {
        throw invalid(
          `Failed to process element: ${index} key: ${name} of 'instances' list. there is no input "${name}"; the signature takes ${names(target)}`,
        );
      }
    }
  }
  return target.signature.inputs.map((spec) =>
    tensor(
      target,
      spec,
      rows.map((row, index) => {
        const value = property(row, spec.name);
        if (value !== undefined) return value;
        throw invalid(
          `Failed to process element: ${index} of 'instances' list. input "${spec.name}" is missing; the signature takes ${names(target)}`,
        );
      }),
    ),
  );
}

function fromColumns(target: TensorTarget, inputs: JsonValue): Tensor[] {
  if (!namesTensors(inputs)) return [tensor(target, onlyInput(target, 'inputs'), inputs)];
  return Object.keys(inputs).map((name) => {
    const spec = target.signature.inputs.find((input) => input.name === name);
    if (spec === undefined) {
      throw invalid(
        `JSON object: does not match the signature: there is no input "${name}"; the signature takes ${names(target)}`,
      );
    }
    return tensor(target, spec, property(inputs, name) ?? null);
  });
}

function onlyInput(target: TensorTarget, key: string): TensorSpec {
  const [input, ...others] = target.signature.inputs;
  if (input !== undefined && others.length === 0) return input;
  throw invalid(
    `'${key}' is a plain value or list, but expecting objects as multiple input tensors are required: ${names(target)}`,
  );
}

function tensor(target: TensorTarget, spec: TensorSpec, value: JsonValue): Tensor {
  // An encoded image where pixels are due: the use case turns it into them.
  const encoded =
    spec.name === target.imageInput && spec.dtype !== 'string' && isBase64Object(firstLeaf(value));
  const dtype = encoded ? 'string' : spec.dtype;
  if (dtype === undefined) {
    throw invalid(`input "${spec.name}" has type ${spec.tfDtype}, which cannot be carried`);
  }
  return tensorFromNested(spec.name, dtype, value, { b64Objects: true });
}

function firstLeaf(value: JsonValue): JsonValue | undefined {
  let leaf: JsonValue | undefined = value;
  while (Array.isArray(leaf)) leaf = (leaf as readonly JsonValue[])[0];
  return leaf;
}

function names({ signature }: TensorTarget): string {
  return signature.inputs.map(({ name }) => `"${name}"`).join(', ');
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
