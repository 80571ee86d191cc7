import { ServingError } from '../../kernel/errors';
import { byteStringAt } from '../../kernel/byte-strings';
import { formatShape, isByteStrings, numbersOf, type Tensor } from '../../kernel/tensor';
import { float32Text } from '../json/number-text';
import type { TextPieces } from '../tensors/tensor-text';
import { CLASSES, REGRESSION, SCORES } from './example-signature';

const NO_RESULTS = '{"results": []}';

/**
 * `{"results": [[["label", score], …], …]}`.
 * @throws ServingError INFERENCE_FAILED when the outputs are not classes or scores
 */
export function* classifyResponse(outputs: readonly Tensor[], examples: number): TextPieces {
  if (examples === 0) {
    yield NO_RESULTS;
    return;
  }
  const classes = outputs.find(({ name }) => name === CLASSES);
  const scores = outputs.find(({ name }) => name === SCORES);
  const model = classes ?? scores;
  if (model === undefined) throw unusable(`answers neither "${CLASSES}" nor "${SCORES}"`);
  const [rows, size = 0] = model.shape;
  for (const { name, shape } of [classes, scores].filter((output) => output !== undefined)) {
    if (shape.length !== 2 || rows !== examples || shape.join() !== model.shape.join()) {
      throw unusable(`answers "${name}" as ${formatShape(shape)}, not as [${examples}, classes]`);
    }
  }
  const labels = classes?.data;
  const label = (at: number): string =>
    labels !== undefined && isByteStrings(labels)
      ? Buffer.from(byteStringAt(labels, at)).toString('utf8')
      : '';
  const values = scores === undefined ? [] : numbersOf(scores);
  yield '{"results": [';
  for (let row = 0; row < examples; row++) {
    yield row === 0 ? '[' : ',[';
    for (let index = 0; index < size; index++) {
      const at = row * size + index;
      const pair = `[${JSON.stringify(label(at))}, ${float32Text(Number(values[at] ?? 0))}]`;
      yield index === 0 ? pair : `,${pair}`;
    }
    yield ']';
  }
  yield ']}';
}

/**
 * `{"results": [number, …]}`.
 * @throws ServingError INFERENCE_FAILED when the output is not one number per example
 */
export function* regressResponse(outputs: readonly Tensor[], examples: number): TextPieces {
  if (examples === 0) {
    yield NO_RESULTS;
    return;
  }
  const output = outputs.find(({ name }) => name === REGRESSION);
  if (output === undefined) throw unusable(`does not answer "${REGRESSION}"`);
  const { shape, data, dtype } = output;
  if (dtype !== 'float32' || data.length !== examples || shape[0] !== examples) {
    throw unusable(`answers ${dtype} of ${formatShape(shape)}, not a float32 for each example`);
  }
  yield '{"results": [';
  const values = numbersOf(output);
  for (let i = 0; i < examples; i++) {
    yield `${i === 0 ? '' : ','}${float32Text(Number(values[i]))}`;
  }
  yield ']}';
}

function unusable(problem: string): ServingError {
  return new ServingError('INFERENCE_FAILED', `The signature ${problem}`);
}
