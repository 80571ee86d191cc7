import { messageOf } from '../../kernel/errors';
import { isBatchable, isByteStrings, type Signature, type Tensor } from '../../kernel/tensor';
import { compareOutputs } from '../../rewriter/compare-outputs';
import { INPUT_KINDS, randomInputs, type InputKind } from '../../rewriter/random-inputs';
import type { LoadedModel } from '../../runtime/backend';
import { SIGNATURE, type CheckedRun } from './checked-run';
import { ImportError } from './import-error';
import { runTfjsModel, type TfjsModel } from './tfjs/tfjs-model';

const SEED = 11;
/** Runs that are compared, each on inputs of another kind. */
const RUNS = 2;

/** What the comparison of an import with its source gave. */
export interface CheckResult {
  readonly runs: number;
  /** max |a − b| / max |a| of the output that differs most. */
  readonly relative: number;
}

/**
 * Runs both models on the same random inputs: the source in TensorFlow.js, the import in TensorFlow.
 * @throws ImportError when their answers differ by more than 1e-4 of the largest value, or the
 *   source cannot be run
 */
export async function checkImport(
  source: TfjsModel,
  imported: LoadedModel,
): Promise<{ readonly result: CheckResult; readonly runs: readonly CheckedRun[] }> {
  const signature = imported.signatures[SIGNATURE];
  if (signature === undefined) throw new Error(`no signature ${SIGNATURE}`);
  const runs: CheckedRun[] = [];
  let relative = 0;
  let reason = '';
  for (const kind of kindsFor(signature)) {
    if (runs.length === RUNS) break;
    // Two rows once: rows must not be mixed up.
    const rows = isBatchable(signature) && runs.length === 0 ? 2 : 1;
    const inputs = randomInputs(signature, rows, kind, SEED + runs.length);
    let expected: Tensor[];
    try {
      expected = await runTfjsModel(source, signature, inputs);
    } catch (thrown) {
      reason = firstLine(thrown);
      continue;
    }
    const actual = runImported(imported, inputs);
    const alike = expected.map((tensor, index) => withTypeOf(actual[index], tensor));
    const difference = compareOutputs(alike, actual);
    if (difference.problem !== undefined) {
      throw new ImportError(
        `TensorFlow answers otherwise than TensorFlow.js: ${difference.problem}`,
      );
    }
    relative = Math.max(relative, difference.relative);
    runs.push({ inputs, expected: alike });
  }
  if (runs.length > 0) return { result: { runs: runs.length, relative }, runs };
  throw new ImportError(`TensorFlow.js cannot run the model on random inputs: ${reason}`);
}

/** Whole numbers up to 255 first where the model takes pixels as they are. */
function kindsFor({ inputs }: Signature): readonly InputKind[] {
  const whole = inputs.some(({ dtype }) => dtype !== 'float32');
  return whole ? [...INPUT_KINDS].sort((a, b) => b.high - a.high) : INPUT_KINDS;
}

function runImported(model: LoadedModel, inputs: readonly Tensor[]): Tensor[] {
  try {
    return model.run(SIGNATURE, inputs);
  } catch (cause) {
    throw new ImportError(`TensorFlow cannot run the imported model: ${firstLine(cause)}`, {
      cause,
    });
  }
}

/** TensorFlow.js knows fewer types: its int32 stands for int64 too. */
function withTypeOf(actual: Tensor | undefined, tensor: Tensor): Tensor {
  if (actual === undefined || isByteStrings(tensor.data)) return tensor;
  const { dtype } = actual;
  if (dtype === tensor.dtype) return tensor;
  const whole = (type: string): boolean => type === 'int32' || type === 'int64' || type === 'uint8';
  return whole(dtype) && whole(tensor.dtype) ? { ...tensor, dtype } : tensor;
}

function firstLine(thrown: unknown): string {
  return messageOf(thrown).split('\n')[0] ?? '';
}
