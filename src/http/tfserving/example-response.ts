import { ServingError } from '../../kernel/errors';
import { formatShape, type Tensor } from '../../kernel/tensor';
import { float32Text } from '../json/number-text';

/** Names that TensorFlow gives the outputs of these methods. */
const CLASSES = 'classes';
const SCORES = 'scores';
const REGRESSION = 'outputs';

/**
 * `{"results": [[["label", score], …], …]}`.
 * @throws ServingError INFERENCE_FAILED when the outputs are no classes or scores
 */
export function classifyResponse(outputs: readonly Tensor[], examples: number): string {
  const classes = outputs.find(({ name }) => name === CLASSES);
  const scores = outputs.find(({ name }) => name === SCORES);
  const model = classes ?? scores;
  if (model === undefined) throw unusable(`answers neither "${CLASSES}" nor "${SCORES}"`);
  const [rows, size] = model.shape;
  for (const { name, shape } of [classes, scores].filter((output) => output !== undefined)) {
    if (shape.length !== 2 || rows !== examples || shape.join() !== model.shape.join()) {
      throw unusable(`answers "${name}" as ${formatShape(shape)}, not as [${examples}, classes]`);
    }
  }
  const label = (at: number): string =>
    Array.isArray(classes?.data) ? Buffer.from(classes.data[at] ?? []).toString('utf8') : '';
  const results = Array.from({ length: examples }, (_, row) => {
    const pairs = Array.from({ length: size ?? 0 }, (__, index) => {
      const at = row * (size ?? 0) + index;
      return `[${JSON.stringify(label(at))}, ${float32Text(Number(scores?.data[at] ?? 0))}]`;
    });
    return `[${pairs.join(',')}]`;
  });
  return `{"results": [${results.join(',')}]}`;
}

/**
 * `{"results": [number, …]}`.
 * @throws ServingError INFERENCE_FAILED when the output is not one number an example
 */
export function regressResponse(outputs: readonly Tensor[], examples: number): string {
  const output = outputs.find(({ name }) => name === REGRESSION);
  if (output === undefined) throw unusable(`does not answer "${REGRESSION}"`);
  const { shape, data, dtype } = output;
  if (dtype !== 'float32' || data.length !== examples || shape[0] !== examples) {
    throw unusable(`answers ${dtype} of ${formatShape(shape)}, not a float32 for each example`);
  }
  return `{"results": [${Array.from(data as Float32Array, float32Text).join(',')}]}`;
}

function unusable(problem: string): ServingError {
  return new ServingError('INFERENCE_FAILED', `The signature ${problem}`);
}
