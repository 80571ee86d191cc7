/**
 * The process that rewrites one model and ends. Not a thread: a crash of the native library in it
 * takes nothing else down, and its memory is given back as a whole.
 */
import { messageOf } from '../kernel/errors';
import { TfjsBackend } from '../runtime/tfjs-backend';
import { answerTask } from '../process/ask-process';
import type { ImagePlan } from './image/image-plan';
import { isNotRewritable, RewriteDroppedError } from './not-rewritable';
import { rewriteModel, type RewriteReport } from './rewrite-model';
import type { WeightChoice } from './write-rewritten';

/** What the process is told, as JSON in its first argument. */
export interface RewriteTask {
  readonly source: string;
  readonly target: string;
  readonly image?: ImagePlan;
  readonly weights: WeightChoice;
}

/** Why a model is served as it is. */
export interface NotRewritten {
  readonly kind: 'not-rewritable';
  readonly reason: string;
  /** There was a rewrite, and it fails or answers otherwise. */
  readonly dropped?: true;
}

export type RewriteAnswer =
  | { readonly kind: 'rewritten'; readonly report: RewriteReport }
  /** Told again for the same files: worth remembering. */
  | NotRewritten
  | { readonly kind: 'failed'; readonly reason: string };

async function answer({ source, target, image, weights }: RewriteTask): Promise<RewriteAnswer> {
  try {
    const report = await rewriteModel(source, target, () => new TfjsBackend(), {
      image,
      weights,
    });
    return { kind: 'rewritten', report };
  } catch (thrown) {
    const reason = messageOf(thrown);
    if (!isNotRewritable(thrown)) return { kind: 'failed', reason };
    return {
      kind: 'not-rewritable',
      reason,
      ...(thrown instanceof RewriteDroppedError ? { dropped: true } : {}),
    };
  }
}

answerTask(answer);
