import { inputKinds, randomInputs } from '../rewriter/random-inputs';
import { isNotRewritable } from '../rewriter/not-rewritable';
import { isAnswerable, type Signature } from '../kernel/tensor';
import { RunFailedError, type TensorFlowCode } from '../kernel/run-failed-error';
import type { Instance } from '../runtime/instance';

const SEED = 20_261_126;
/** Codes of failures that no other input would avoid: variables or tables that hold nothing, operations that are missing. */
const BROKEN: readonly (TensorFlowCode | undefined)[] = [
  'FAILED_PRECONDITION',
  'NOT_FOUND',
  'UNIMPLEMENTED',
];

/**
 * Runs a signature on made-up inputs, of which nobody but the model knows whether they are valid. That it
 * refuses them all says nothing.
 * @throws RunFailedError when the model itself is at fault, RunLostError when the instance ends
 */
export async function probe(
  instance: Pick<Instance, 'run'>,
  name: string,
  signature: Signature,
): Promise<void> {
  const outputs = signature.outputs.filter(isAnswerable).map((output) => output.name);
  for (const kind of inputKinds(signature)) {
    try {
      const inputs = randomInputs(signature, 1, kind, SEED);
      await instance.run({ signature: name, inputs: () => inputs, outputs });
      return;
    } catch (thrown) {
      // No input can be made up, as for a tensor of any rank.
      if (isNotRewritable(thrown)) return;
      if (!(thrown instanceof RunFailedError) || BROKEN.includes(thrown.code)) throw thrown;
    }
  }
}
