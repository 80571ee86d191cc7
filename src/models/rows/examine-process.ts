/**
 * The process that finds out which signatures of a model have independent rows, and ends: a crash in it
 * takes nothing else down, and serving instances do not keep what other signatures need.
 */
import type { RowsVerdict } from '../../kernel/rows-verdict';
import { answerTask } from '../../process/ask-process';
import { TfjsBackend } from '../../runtime/tfjs-backend';
import { examineRows } from './examine-rows';

/** What the process is told, as JSON in its first argument. */
export interface ExamineTask {
  /** SavedModel folder to load. */
  readonly directory: string;
  /** Names of the signatures to examine. */
  readonly signatures: readonly string[];
}

/** By signature. */
export type ExamineAnswer = Readonly<Record<string, RowsVerdict>>;

function answer({ directory, signatures }: ExamineTask): Promise<ExamineAnswer> {
  const model = new TfjsBackend().loadModel(directory);
  const verdicts = signatures.flatMap((name): [string, RowsVerdict][] => {
    const signature = model.signatures[name];
    return signature === undefined ? [] : [[name, examineRows(model, name, signature)]];
  });
  return Promise.resolve(Object.fromEntries(verdicts));
}

answerTask(answer);
