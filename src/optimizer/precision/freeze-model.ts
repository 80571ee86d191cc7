import type { Backend } from '../../runtime/backend';
import { freeze } from '../freeze';
import { flattenModel } from '../graph/flatten-model';
import { rewriteModel } from '../rewrite-model';
import { readServedGraph, writeSavedModel } from '../saved-model-file';
import { verify } from '../verify';

/**
 * Writes a SavedModel that answers as another does, with constants alone; the server's rewrite, also
 * for models that have no variables, which the server would run as they are.
 * @param target folder to write into, which must not exist
 * @throws NotRewritableError with the reason why it cannot be done
 */
export async function freezeModel(
  source: string,
  target: string,
  createBackend: () => Backend,
): Promise<void> {
  const meta = readServedGraph(source);
  const flat = flattenModel(meta);
  if (flat.variables.length > 0) {
    await rewriteModel(source, target, createBackend);
    return;
  }
  await writeSavedModel(target, freeze(meta, flat, new Map()));
  const backend = createBackend();
  const original = backend.loadModel(source);
  const frozen = backend.loadModel(target);
  verify(original, frozen);
  frozen.dispose();
  original.dispose();
}
