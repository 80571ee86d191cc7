import { assembleBatch } from '../../batching/assemble';
import { messageOf } from '../../kernel/errors';
import { INDEPENDENT, together, type RowsVerdict } from '../../kernel/rows-verdict';
import { isBatchable, sliceRows, type Signature, type Tensor } from '../../kernel/tensor';
import { inputKinds, randomInputs, type InputKind } from '../../rewriter/random-inputs';
import type { LoadedModel } from '../../runtime/backend';
import { rowDifference } from './compare-rows';

const ROWS = 3;
const SEED = 20_261_125;

/**
 * What the rows of a draw are multiplied with. Unlike rows show what depends on their mean, their
 * largest or their order; where values may not be negative the second takes the place of the first.
 */
const DRAWS = [
  { signed: [1, 1, 1], unsigned: [1, 1, 1] },
  { signed: [1, -1, 0.25], unsigned: [1, 0.5, 0.25] },
  { signed: [-0.5, 1, 1], unsigned: [0.1, 1, 1] },
];

/**
 * Runs several rows together, some of them in another order, and each alone, on several random draws,
 * and compares what each row gives.
 */
export function examineRows(
  model: Pick<LoadedModel, 'run'>,
  name: string,
  signature: Signature,
): RowsVerdict {
  if (!isBatchable(signature)) return together('its first dimension is not open');
  if (signature.inputs.length === 0) return together('it has no input');
  const outputs = signature.outputs.filter(({ dtype }) => dtype !== undefined);
  const names = outputs.map((output) => output.name);
  const run = (inputs: readonly Tensor[]): Tensor[] => model.run(name, inputs, names);
  try {
    const kind = usableKind(run, signature);
    for (const [index, draw] of DRAWS.entries()) {
      const factors = kind.low < 0 ? draw.signed : draw.unsigned;
      const inputs = randomInputs(signature, ROWS, kind, SEED + index);
      const reason = examineDraw(
        run,
        inputs.map((input) => scaled(input, factors)),
      );
      if (reason !== undefined) return together(reason);
    }
    return INDEPENDENT;
  } catch (thrown) {
    const [reason = ''] = messageOf(thrown).split('\n');
    return together(`it cannot be run on random inputs: ${reason}`);
  }
}

type Run = (inputs: readonly Tensor[]) => Tensor[];

/** @returns what shows that rows belong together; undefined when nothing does */
function examineDraw(run: Run, inputs: readonly Tensor[]): string | undefined {
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const alone = rows.map((row) => run(rowsOf(inputs, [row])));
  for (const order of [rows, [ROWS - 1, 0]]) {
    const outputs = run(rowsOf(inputs, order));
    for (const output of outputs) {
      if (output.shape[0] !== order.length) {
        return `output "${output.name}" has ${describeRows(output)} for ${order.length} rows of input`;
      }
    }
    for (const [place, row] of order.entries()) {
      const among = outputs.map((output) => sliceRows(output, place, 1));
      const own = alone[row] ?? [];
      const reason = difference(own, among);
      if (reason === undefined) continue;
      const again = difference(own, run(rowsOf(inputs, [row])));
      return again === undefined
        ? `${reason} when rows run together`
        : 'its answers vary from run to run';
    }
  }
  return undefined;
}

function difference(own: readonly Tensor[], among: readonly Tensor[]): string | undefined {
  for (const [index, output] of own.entries()) {
    const other = among[index];
    const reason = other === undefined ? 'is missing' : rowDifference(output, other);
    if (reason !== undefined) return `output "${output.name}" ${reason}`;
  }
  return undefined;
}

function describeRows({ shape }: Tensor): string {
  return shape.length === 0 ? 'no rows' : `${shape[0] ?? 0} rows`;
}

/** The first kind of input that the model accepts. @throws Error of the model when there is none */
function usableKind(run: Run, signature: Signature): InputKind {
  let refused: unknown;
  for (const kind of inputKinds(signature)) {
    try {
      run(randomInputs(signature, 1, kind, SEED));
      return kind;
    } catch (thrown) {
      refused ??= thrown;
    }
  }
  throw refused;
}

/** Rows in an order of their own. */
function rowsOf(inputs: readonly Tensor[], order: readonly number[]): Tensor[] {
  return assembleBatch(
    order.map((row) => inputs.map((input) => sliceRows(input, row, 1))),
    order.length,
    (bytes) => new Uint8Array(bytes),
  );
}

/** The numbers of each row times a factor; whole numbers and texts stay. */
function scaled(tensor: Tensor, factors: readonly number[]): Tensor {
  const { data } = tensor;
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) return tensor;
  const perRow = data.length / factors.length;
  const factor = (value: number, i: number): number =>
    value * (factors[Math.floor(i / perRow)] ?? 1);
  return { ...tensor, data: data.map(factor) };
}
