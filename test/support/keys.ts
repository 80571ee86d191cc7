import { createHash } from 'node:crypto';

import { ApiKeys } from '../../src/http/access/api-keys';
import { parseKeyFile, type KeySpec } from '../../src/http/access/key-file';

/** The key of a name; tests need no entropy. */
export function secretOf(name: string): string {
  return `key-of-${name}`;
}

/** A key as a file has it. */
export function keyEntry(name: string, rest: object = {}): object {
  return { name, sha256: createHash('sha256').update(secretOf(name)).digest('hex'), ...rest };
}

/** Keys as a file of them would be read. */
export function keySpecs(...entries: readonly object[]): readonly KeySpec[] {
  return parseKeyFile(JSON.stringify({ keys: entries }));
}

export function testKeys(...entries: readonly object[]): ApiKeys {
  return new ApiKeys(keySpecs(...entries), () => undefined);
}
