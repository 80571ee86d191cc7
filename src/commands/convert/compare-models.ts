import { setImmediate as turn } from 'node:timers/promises';

import type { ServableSpec } from '../../models/servable-spec';
import { INPUT_KINDS, randomInputs } from '../../rewriter/random-inputs';
import type { LoadedModel } from '../../runtime/backend';
import type { Tensor } from '../../kernel/tensor';
import { agreementMeter, type Agreement } from './agreement';
import { DifferenceMeter, type OutputDifference } from './difference-meter';
import type { Photo } from './photos';

export interface Comparison {
  readonly count: number;
  readonly difference: OutputDifference;
  /** Null for models whose outputs are neither classes nor pictures. */
  readonly agreement: Agreement | null;
}

interface Pair {
  readonly original: LoadedModel;
  readonly converted: LoadedModel;
}

const SEED = 7;

/**
 * Runs both models on one image after the other.
 * @throws UnusableOutputError when the converted model's answers are no numbers
 */
export async function comparePhotos(
  { original, converted }: Pair,
  spec: ServableSpec,
  photos: AsyncIterable<Photo> | Iterable<Photo>,
  abort: AbortSignal,
): Promise<Comparison> {
  const { signatureName, output } = spec;
  const meter = new DifferenceMeter();
  const agreement = agreementMeter(spec);
  let count = 0;
  for await (const photo of photos) {
    await turn();
    abort.throwIfAborted();
    const [expected] = original.run(signatureName, photo.inputs, [output.name]);
    const [actual] = converted.run(signatureName, photo.inputs, [output.name]);
    if (expected === undefined || actual === undefined) throw new Error(`no ${output.name}`);
    meter.add(expected, actual);
    agreement?.add(photo, expected, actual);
    count += 1;
  }
  return { count, difference: meter.result(), agreement: agreement?.result() ?? null };
}

/**
 * Runs both models on random inputs, every signature: what the images do not reach must run too.
 * @returns max |a − b| / max |a| by signature
 * @throws UnusableOutputError, NotRewritableError for inputs that cannot be made up
 */
export function compareSignatures({ original, converted }: Pair): Record<string, number> {
  return Object.fromEntries(
    Object.keys(original.signatures).map((name) => {
      const { inputs, expected } = randomRun(original, name, SEED);
      const meters = compareOutputs(expected, converted.run(name, inputs));
      return [name, Math.max(0, ...meters.map((meter) => meter.result().maxRelative))];
    }),
  );
}

/** Inputs of the first kind that the model takes, and what it answers. */
export function randomRun(
  model: LoadedModel,
  name: string,
  seed: number,
): { readonly inputs: Tensor[]; readonly expected: Tensor[] } {
  const signature = model.signatures[name];
  if (signature === undefined) throw new Error(`no signature ${name}`);
  let problem: unknown;
  for (const kind of INPUT_KINDS) {
    const inputs = randomInputs(signature, 1, kind, seed);
    try {
      return { inputs, expected: model.run(name, inputs) };
    } catch (thrown) {
      problem = thrown;
    }
  }
  throw problem;
}

/** A meter for each output. */
function compareOutputs(expected: readonly Tensor[], actual: readonly Tensor[]): DifferenceMeter[] {
  return expected.map((output) => {
    const meter = new DifferenceMeter();
    const other = actual.find(({ name }) => name === output.name);
    if (other !== undefined) meter.add(output, other);
    return meter;
  });
}
