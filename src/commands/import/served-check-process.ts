/**
 * The process that runs an imported model with the settings that the server has on a CPU: TensorFlow
 * reads them once per process, and the one that checks the graph has others.
 */
import { readFile } from 'node:fs/promises';
import { deserialize } from 'node:v8';

import { messageOf } from '../../kernel/errors';
import { answerTask } from '../../process/ask-process';
import { compareOutputs, TOLERANCE } from '../../rewriter/compare-outputs';
import { TfjsBackend } from '../../runtime/tfjs-backend';
import { SIGNATURE, type CheckedRun } from './checked-run';

export interface ServedCheckTask {
  /** Folder of the SavedModel. */
  readonly model: string;
  /** See ImportTask. */
  readonly runs: string;
}

export type ServedCheckAnswer =
  /** max |a − b| / max |a| between TensorFlow.js and the served model. */
  | { readonly kind: 'compared'; readonly relative: number }
  | { readonly kind: 'failed'; readonly reason: string };

async function answer({ model, runs }: ServedCheckTask): Promise<ServedCheckAnswer> {
  try {
    const checked = deserialize(await readFile(runs)) as readonly CheckedRun[];
    const loaded = new TfjsBackend().loadModel(model);
    let relative = 0;
    for (const { inputs, expected } of checked) {
      const difference = compareOutputs(expected, loaded.run(SIGNATURE, inputs));
      // A difference beyond the tolerance is what is asked for; another one has no size.
      if (difference.problem !== undefined && difference.relative <= TOLERANCE) {
        return { kind: 'failed', reason: difference.problem };
      }
      relative = Math.max(relative, difference.relative);
    }
    loaded.dispose();
    return { kind: 'compared', relative };
  } catch (thrown) {
    return { kind: 'failed', reason: messageOf(thrown).split('\n')[0] ?? '' };
  }
}

answerTask(answer);
