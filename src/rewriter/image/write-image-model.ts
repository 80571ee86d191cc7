import type { Backend, LoadedModel } from '../../runtime/backend';
import { TOLERANCE, TOLERANCE_OF_BYTES } from '../compare-outputs';
import { isNotRewritable } from '../not-rewritable';
import type { MetaGraphDef } from '../../saved-model/protobuf/tensorflow_pb';
import { verify } from '../verify';
import { addImageSignature } from './add-image-signature';
import type { ImagePlan, ImageReport } from './image-plan';
import { postprocessProblem } from './postprocess-nodes';
import { preprocessProblem } from './preprocess-nodes';
import { verifyImageSignature } from './verify-image-signature';

/** What was written, or that nothing of the plan holds. */
export type ImageModel =
  | { readonly written: true; readonly report: ImageReport; readonly maxRelativeDifference: number }
  | { readonly written: false; readonly report: ImageReport };

/**
 * Writes the rewritten graph with as much of the plan as answers the same.
 * @param place where to, and what writes there
 * @param frozen the graph without it
 */
export async function writeImageModel(
  {
    target,
    write,
  }: { readonly target: string; readonly write: (meta: MetaGraphDef) => Promise<void> },
  frozen: MetaGraphDef,
  plan: ImagePlan,
  original: LoadedModel,
  backend: Backend,
): Promise<ImageModel> {
  const signature = original.signatures[plan.signature];
  const output = signature?.outputs.find(({ name }) => name === plan.outputs[0]);
  const tolerance = computesInBytes(frozen) ? TOLERANCE_OF_BYTES : TOLERANCE;
  const reasons: string[] = [];
  let dropped = false;
  let { preprocess, postprocess } = plan;
  const dropPreprocess = (reason: string | undefined): void => {
    if (reason === undefined) return;
    preprocess = false;
    reasons.push(`before the network: ${reason}`);
  };
  const dropPostprocess = (reason: string | undefined): void => {
    if (reason === undefined) return;
    postprocess = undefined;
    reasons.push(`after the network: ${reason}`);
  };
  if (preprocess) dropPreprocess(preprocessProblem(plan));
  if (postprocess !== undefined && output !== undefined) {
    dropPostprocess(postprocessProblem(postprocess, output));
  }
  while (signature !== undefined && (preprocess || postprocess !== undefined)) {
    const part: ImagePlan = { ...plan, preprocess, postprocess };
    try {
      await write(addImageSignature(frozen, part, signature));
    } catch (thrown) {
      if (!isNotRewritable(thrown)) throw thrown;
      reasons.push(thrown.message);
      break;
    }
    const rewritten = backend.loadModel(target);
    const problem = verifyImageSignature(original, rewritten, part, tolerance);
    if (problem === undefined) {
      const maxRelativeDifference = verify(original, rewritten);
      rewritten.dispose();
      return {
        written: true,
        report: reportOf(preprocess, postprocess !== undefined, reasons, dropped),
        maxRelativeDifference,
      };
    }
    rewritten.dispose();
    dropped = true;
    // What is not there cannot be at fault: then there is nothing left to drop.
    if (problem.part === 'preprocess' && preprocess) dropPreprocess(problem.reason);
    else if (postprocess !== undefined) dropPostprocess(problem.reason);
  }
  return { written: false, report: reportOf(false, false, reasons, dropped) };
}

function computesInBytes({ graphDef }: MetaGraphDef): boolean {
  return graphDef?.node.some(({ op }) => op === 'QuantizeV2') ?? false;
}

function reportOf(
  preprocess: boolean,
  postprocess: boolean,
  reasons: readonly string[],
  dropped: boolean,
): ImageReport {
  return {
    preprocess,
    postprocess,
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    ...(dropped ? { dropped } : {}),
  };
}
