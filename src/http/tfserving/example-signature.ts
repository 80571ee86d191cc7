import { ServingError } from '../../kernel/errors';
import type { ByteStrings } from '../../kernel/byte-strings';
import type { TensorTarget } from '../../inference/tensor-request';
import type { DType } from '../../kernel/element-types';
import type { Tensor } from '../../kernel/tensor';

export type ExampleMethod = 'classify' | 'regress';

/** Names that TensorFlow gives the outputs of these methods. */
export const CLASSES = 'classes';
export const SCORES = 'scores';
export const REGRESSION = 'outputs';

interface MethodSpec {
  readonly noun: string;
  /** Outputs of which at least one is there, with their types. */
  readonly outputs: Readonly<Record<string, DType>>;
}

const METHODS: Readonly<Record<ExampleMethod, MethodSpec>> = {
  classify: { noun: 'classification', outputs: { [CLASSES]: 'string', [SCORES]: 'float32' } },
  regress: { noun: 'regression', outputs: { [REGRESSION]: 'float32' } },
};
/** What every signature that TensorFlow 2 exports says, whatever it is for. */
const PREDICT = 'tensorflow/serving/predict';

/**
 * Names of the outputs that a method answers.
 * @throws ServingError INVALID_INPUT when the signature has another method or other outputs
 */
export function exampleOutputs(
  { signature, signatureName }: TensorTarget,
  method: ExampleMethod,
): string[] {
  const { noun, outputs } = METHODS[method];
  const expected = `tensorflow/serving/${method}`;
  if (signature.methodName !== expected && signature.methodName !== PREDICT) {
    throw invalid(
      `Expected ${noun} signature method_name to be ${expected}. Was: ${signature.methodName} (signature "${signatureName}")`,
    );
  }
  const found = signature.outputs.filter(({ name }) => Object.hasOwn(outputs, name));
  if (found.length === 0) {
    const wanted = Object.keys(outputs).map((name) => `"${name}"`);
    const answered = signature.outputs.map(({ name }) => `"${name}"`);
    throw invalid(
      `Expected ${noun} signature outputs to contain ${wanted.join(' or ')}; signature "${signatureName}" answers ${answered.join(', ')}: use :predict, or another signature_name`,
    );
  }
  for (const { name, dtype, tfDtype } of found) {
    if (dtype === outputs[name]) continue;
    throw invalid(
      `Expected ${noun} output "${name}" to be ${outputs[name] ?? ''}, and it is ${tfDtype}: use :predict`,
    );
  }
  return found.map(({ name }) => name);
}

/**
 * The serialised examples as the one input of the signature.
 * @throws ServingError INVALID_INPUT when it does not take examples
 */
export function exampleInputs(
  { signature: { inputs }, signatureName }: TensorTarget,
  method: ExampleMethod,
  examples: ByteStrings,
): Tensor[] {
  const [input, ...others] = inputs;
  if (input?.dtype === 'string' && others.length === 0) {
    return [{ name: input.name, dtype: 'string', shape: [examples.length], data: examples }];
  }
  const taken = inputs.map(({ name, tfDtype }) => `"${name}" ${tfDtype}`).join(', ');
  throw invalid(
    `:${method} gives serialised examples to the one input of a signature, a string; "${signatureName}" takes ${taken === '' ? 'none' : taken}: use :predict, or another signature_name`,
  );
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
