import { createHash } from 'node:crypto';

import { pathBytes, type PathText } from './path-text';

/** 64 bits for an input. Among ten million two are alike with a chance of 1 in 370,000. */
export function pathKey({ root, ...text }: PathText & { readonly root: string }): bigint {
  return first64(Buffer.from(root), pathBytes(text));
}

/**
 * Which of `count` shards an input belongs to. By the path below the root alone: the same whatever
 * place the folder is mounted at.
 */
export function shardOf(path: Uint8Array, count: number): number {
  return Number(first64(path) % BigInt(count));
}

function first64(...parts: readonly Uint8Array[]): bigint {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest().readBigUInt64LE(0);
}
