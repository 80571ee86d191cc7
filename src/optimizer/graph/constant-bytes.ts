import type { MetaGraphDef } from '../protobuf/tensorflow_pb';
import { tensorOf } from './attributes';

/** Bytes that the constants of a graph take, as far as they are stored as bytes. */
export function constantBytes({ graphDef }: MetaGraphDef): number {
  return (graphDef?.node ?? []).reduce(
    (sum, { attr }) => sum + (tensorOf(attr, 'value')?.tensorContent.byteLength ?? 0),
    0,
  );
}
