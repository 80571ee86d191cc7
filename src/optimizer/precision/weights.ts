import { tensorOf } from '../graph/attributes';
import type { MetaGraphDef } from '../protobuf/tensorflow_pb';

/** Bytes that the constants of a graph take, as far as they are stored as bytes. */
export function weightsOf({ graphDef }: MetaGraphDef): number {
  return (graphDef?.node ?? []).reduce(
    (sum, { attr }) => sum + (tensorOf(attr, 'value')?.tensorContent.byteLength ?? 0),
    0,
  );
}
