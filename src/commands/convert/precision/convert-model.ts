import type { Backend } from '../../../runtime/backend';
import { constantBytes } from '../../../saved-model/constant-bytes';
import { NotRewritableError } from '../../../rewriter/not-rewritable';
import { rewriteModel } from '../../../rewriter/rewrite-model';
import { readServedGraph, writeSavedModel } from '../../../saved-model/saved-model-file';
import { convertGraph, type ConversionReport } from './convert-graph';
import { existingPrecision } from './existing-precision';
import type { Precision } from './precision';

export type Conversion = ConversionReport & {
  /** Bytes of all constants, before and after. */
  readonly weightBytes: { readonly float32: number; readonly converted: number };
};

/**
 * Freezes a SavedModel, checks that, and writes the graph anew in a reduced precision. Signatures
 * keep their names, types and shapes.
 * @param folders `float32` takes the graph as the server would run it, `converted` the new one;
 *   neither may exist
 * @throws NotRewritableError with what stands in the way
 */
export async function convertModel(
  source: string,
  folders: { readonly float32: string; readonly converted: string },
  precision: Precision,
  createBackend: () => Backend,
): Promise<Conversion> {
  const existing = existingPrecision(readServedGraph(source));
  if (existing !== undefined) {
    throw new NotRewritableError(
      `its precision is ${existing} already; choose a float32 version of it`,
    );
  }
  await rewriteModel(source, folders.float32, createBackend, { withoutVariables: true });
  const meta = readServedGraph(folders.float32);
  const { converted, report } = convertGraph(meta, precision);
  await writeSavedModel(folders.converted, converted);
  return {
    ...report,
    weightBytes: { float32: constantBytes(meta), converted: constantBytes(converted) },
  };
}
