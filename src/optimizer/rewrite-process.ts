/**
 * The process that rewrites one model and ends. Not a thread: a crash of the native library in it
 * takes nothing else down, and its memory is given back as a whole.
 */
import { messageOf } from '../errors';
import { TfjsBackend } from '../runtime/tfjs-backend';
import type { ImagePlan } from './image/image-plan';
import { NotRewritableError } from './not-rewritable';
import { rewriteModel, type RewriteReport } from './rewrite-model';

/** What the process is told, as JSON in its first argument. */
export interface RewriteTask {
  readonly source: string;
  readonly target: string;
  readonly image?: ImagePlan;
}

export type RewriteAnswer =
  | { readonly kind: 'rewritten'; readonly report: RewriteReport }
  /** Told again for the same files: worth remembering. */
  | { readonly kind: 'not-rewritable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

async function answer({ source, target, image }: RewriteTask): Promise<RewriteAnswer> {
  try {
    const report = await rewriteModel(source, target, () => new TfjsBackend(), image);
    return { kind: 'rewritten', report };
  } catch (thrown) {
    return {
      kind: thrown instanceof NotRewritableError ? 'not-rewritable' : 'failed',
      reason: messageOf(thrown),
    };
  }
}

// The server has gone: nobody waits for the answer.
process.on('disconnect', () => process.exit(1));

void answer(JSON.parse(process.argv[2] ?? '{}') as RewriteTask).then((result) => {
  process.send?.(result, () => process.exit(0));
});
