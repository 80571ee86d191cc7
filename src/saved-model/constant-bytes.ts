import type { MetaGraphDef } from './protobuf/tensorflow_pb';

/** Bytes that the constants of a graph take, as far as they are stored as bytes. */
export function constantBytes({ graphDef }: MetaGraphDef): number {
  return (graphDef?.node ?? []).reduce((sum, { attr }) => {
    const value = attr.value?.value;
    return sum + (value?.case === 'tensor' ? value.value.tensorContent.byteLength : 0);
  }, 0);
}
