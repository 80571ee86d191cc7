/** The process that loads one model, runs it and tells how much memory that took. */
import { messageOf } from '../../../kernel/errors';
import { TfjsBackend } from '../../../runtime/tfjs-backend';
import { INPUT_KINDS, randomInputs } from '../../../rewriter/random-inputs';
import { answerTask } from '../../../process/ask-process';

export interface MemoryTask {
  readonly directory: string;
  readonly signature: string;
}

export type MemoryAnswer =
  | {
      readonly kind: 'measured';
      /** Resident bytes more than before the model was loaded. */
      readonly bytes: number;
    }
  | { readonly kind: 'failed'; readonly reason: string };

/** The first prepares the graph; memory stays as it is from then on. */
const RUNS = 3;
const SEED = 1;

function answer({ directory, signature }: MemoryTask): Promise<MemoryAnswer> {
  try {
    const backend = new TfjsBackend();
    const before = process.memoryUsage.rss();
    const model = backend.loadModel(directory);
    const spec = model.signatures[signature];
    const [kind] = INPUT_KINDS;
    if (spec === undefined || kind === undefined) throw new Error(`no signature ${signature}`);
    const inputs = randomInputs(spec, 1, kind, SEED);
    for (let run = 0; run < RUNS; run += 1) model.run(signature, inputs);
    // As a server does: what loading needed for a moment is not the model's.
    backend.trimMemory();
    return Promise.resolve({ kind: 'measured', bytes: process.memoryUsage.rss() - before });
  } catch (thrown) {
    return Promise.resolve({ kind: 'failed', reason: messageOf(thrown) });
  }
}

answerTask(answer);
