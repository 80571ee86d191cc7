import type { Backend } from '../../../runtime/backend';
import { constantBytes } from '../../../saved-model/constant-bytes';
import type { MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { NotRewritableError } from '../../../rewriter/not-rewritable';
import { rewriteModel } from '../../../rewriter/rewrite-model';
import { readServedGraph, writeSavedModel } from '../../../saved-model/saved-model-file';
import { convertGraph, type ConversionReport } from './convert-graph';
import { existingPrecision } from './existing-precision';
import type { SimplePrecision } from './precision';

/** Bytes of all constants, before and after. */
export interface WeightBytes {
  readonly float32: number;
  readonly converted: number;
}

export type Conversion = ConversionReport & { readonly weightBytes: WeightBytes };

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
  precision: SimplePrecision,
  createBackend: () => Backend,
): Promise<Conversion> {
  const meta = await freezeFloat32(source, folders.float32, createBackend);
  const { converted, report } = convertGraph(meta, precision);
  await writeSavedModel(folders.converted, converted);
  return {
    ...report,
    weightBytes: { float32: constantBytes(meta), converted: constantBytes(converted) },
  };
}

/**
 * Writes a float32 model as the server would run it, its weights constants, and checks that.
 * @throws NotRewritableError with what stands in the way
 */
export async function freezeFloat32(
  source: string,
  target: string,
  createBackend: () => Backend,
): Promise<MetaGraphDef> {
  const existing = existingPrecision(readServedGraph(source));
  if (existing !== undefined) {
    throw new NotRewritableError(
      `its precision is ${existing} already; choose a float32 version of it`,
    );
  }
  await rewriteModel(source, target, createBackend, { withoutVariables: true });
  return readServedGraph(target);
}
