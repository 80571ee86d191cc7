import { ServingError } from '../../kernel/errors';
import type { TensorTarget } from '../../inference/tensor-inference';
import type { Tensor } from '../../kernel/tensor';
import type { JsonValue } from '../json/lossless-json';
import { isJsonObject, preview, property, type JsonObject } from '../json/parse-json';
import { isBase64Object, bytesOfJson } from '../tensors/json-elements';
import { encodeExample, type Feature } from './example-proto';
import { typeError } from './json-type-error';

const INT64_LIMIT = 2n ** 63n;

/** Features of each example, those of the context included. */
export type Examples = readonly ReadonlyMap<string, Feature>[];

/**
 * The examples of a classify or regress request, parsed with `integersAsBigInt`: a number written
 * without a point is an int64 feature, another a float feature.
 * @throws ServingError BAD_REQUEST
 */
export function examplesOf(request: JsonObject): Examples {
  const examples = property(request, 'examples');
  if (examples === undefined) throw new ServingError('BAD_REQUEST', "Missing 'examples' key");
  if (!Array.isArray(examples)) throw typeError(examples, 'list');
  if (examples.length === 0) {
    throw new ServingError('BAD_REQUEST', "'examples' is an empty list: there is no row to run");
  }
  const context = property(request, 'context');
  const shared = context === undefined ? new Map<string, Feature>() : features(context, 'context');
  return (examples as readonly JsonValue[]).map(
    (example, index) => new Map([...shared, ...features(example, `examples[${index}]`)]),
  );
}

/**
 * The serialised examples as the one input of the signature.
 * @throws ServingError INVALID_INPUT when the signature has not the method asked for
 */
export function exampleInputs(
  { signature, signatureName }: TensorTarget,
  method: 'classify' | 'regress',
  examples: Examples,
): Tensor[] {
  const expected = `tensorflow/serving/${method}`;
  if (signature.methodName !== expected) {
    throw new ServingError(
      'INVALID_INPUT',
      `Expected ${method === 'classify' ? 'classification' : 'regression'} signature method_name to be ${expected}. Was: ${signature.methodName} (signature "${signatureName}")`,
    );
  }
  const [input, ...others] = signature.inputs;
  if (input === undefined || others.length > 0) {
    throw new ServingError('INVALID_INPUT', `signature "${signatureName}" must take one input`);
  }
  return [
    {
      name: input.name,
      dtype: 'string',
      shape: [examples.length],
      data: examples.map(encodeExample),
    },
  ];
}

function features(value: JsonValue, where: string): ReadonlyMap<string, Feature> {
  if (!isJsonObject(value) || isBase64Object(value)) {
    throw new ServingError('BAD_REQUEST', `${where}: ${typeError(value, 'object').message}`);
  }
  return new Map(
    Object.keys(value).map((name) => [
      name,
      feature(property(value, name) ?? null, `${where}: feature "${name}"`),
    ]),
  );
}

function feature(value: JsonValue, where: string): Feature {
  const values: readonly JsonValue[] = Array.isArray(value) ? (value as JsonValue[]) : [value];
  if (values.every((one) => typeof one === 'bigint')) {
    const outside = values.find((one) => one < -INT64_LIMIT || one >= INT64_LIMIT);
    if (outside !== undefined) throw wrong(where, outside, 'is no int64');
    return { kind: 'int64', values };
  }
  if (values.every((one) => typeof one === 'bigint' || typeof one === 'number')) {
    return { kind: 'float', values: values.map(Number) };
  }
  return {
    kind: 'bytes',
    values: values.map((one) => {
      if (typeof one === 'string' || isBase64Object(one)) {
        return bytesOfJson(one, { b64Objects: true });
      }
      throw wrong(where, one, 'is not a number, a string or {"b64": …} like the others');
    }),
  };
}

function wrong(where: string, value: JsonValue, problem: string): ServingError {
  return new ServingError('BAD_REQUEST', `${where}: ${preview(value)} ${problem}`);
}
