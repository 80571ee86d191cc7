import { messageOf } from '../kernel/errors';
import type { LoadedModel } from '../runtime/backend';
import { takesAnyRows, type Signature, type Tensor } from '../kernel/tensor';
import { compareOutputs } from './compare-outputs';
import { NotRewritableError, RewriteDroppedError } from './not-rewritable';
import { inputKinds, randomInputs, type InputKind } from './random-inputs';

/** Rows of the compared runs, for models that take any number. */
const BATCH_SIZES = [1, 2, 5];
const SEED = 20_240_817;

/**
 * Runs both models on the same random inputs, every signature that both have.
 * @returns the largest relative difference
 * @throws NotRewritableError when they differ, or when the original cannot be run
 */
export function verify(original: LoadedModel, rewritten: LoadedModel): number {
  let largest = 0;
  for (const [name, signature] of Object.entries(rewritten.signatures)) {
    if (original.signatures[name] === undefined) continue;
    largest = Math.max(largest, verifySignature(original, rewritten, name, signature));
  }
  return largest;
}

function verifySignature(
  original: LoadedModel,
  rewritten: LoadedModel,
  name: string,
  signature: Signature,
): number {
  const outputs = signature.outputs.flatMap(({ name, dtype }) =>
    dtype === undefined ? [] : [name],
  );
  const kind = usableKind(original, name, signature, outputs);
  let largest = 0;
  const sizes = takesAnyRows(signature) ? BATCH_SIZES : [1];
  for (const [index, rows] of sizes.entries()) {
    const inputs = randomInputs(signature, rows, kind, SEED + index);
    const expected = original.run(name, inputs, outputs);
    const { relative, problem } = compareOutputs(
      expected,
      runRewritten(rewritten, name, inputs, outputs),
    );
    if (problem !== undefined) {
      const again = compareOutputs(expected, original.run(name, inputs, outputs));
      throw again.problem === undefined
        ? new RewriteDroppedError(
            `the rewritten graph answers otherwise: ${problem} (signature ${name}, ${rows} rows)`,
          )
        : new NotRewritableError(
            `its answers vary from run to run (signature ${name}), so a rewrite cannot be checked`,
          );
    }
    largest = Math.max(largest, relative);
  }
  return largest;
}

function runRewritten(
  model: LoadedModel,
  name: string,
  inputs: readonly Tensor[],
  outputs: readonly string[],
): Tensor[] {
  try {
    return model.run(name, inputs, outputs);
  } catch (cause) {
    throw new RewriteDroppedError(`the rewritten graph fails: ${firstLine(cause)}`, { cause });
  }
}

/** The first kind of input that the original accepts. */
function usableKind(
  original: LoadedModel,
  name: string,
  signature: Signature,
  outputs: readonly string[],
): InputKind {
  let reason = '';
  for (const kind of inputKinds(signature)) {
    const inputs = randomInputs(signature, 1, kind, SEED);
    try {
      original.run(name, inputs, outputs);
      return kind;
    } catch (thrown) {
      reason = firstLine(thrown);
    }
  }
  throw new NotRewritableError(
    `it cannot be run on random inputs, so a rewrite cannot be checked (signature ${name}: ${reason})`,
  );
}

function firstLine(thrown: unknown): string {
  return messageOf(thrown).split('\n')[0] ?? '';
}
