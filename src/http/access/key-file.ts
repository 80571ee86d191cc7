import { z } from 'zod';

import { parseJson } from '../../kernel/parse-json';

/** What a key may be used for: models; `/metrics`; the model repository API. */
const SCOPES = ['infer', 'metrics', 'admin'] as const;
export type KeyScope = (typeof SCOPES)[number];

/** Each costs a look at every request that shows a key. */
const MOST_KEYS = 10_000;

const limit = z.number().int().min(1).max(1_000_000_000).optional();

const keySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, hyphens or underscores'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be the SHA-256 of the key, 64 hexadecimal digits')
    .transform((text) => text.toLowerCase()),
  models: z
    .array(z.string().min(1).max(256))
    .min(1, 'must name a model, or be left out for all')
    .default(['*']),
  scopes: z.array(z.enum(SCOPES)).min(1).default(['infer']),
  requestsPerMinute: limit,
  imagesPerMinute: limit,
  concurrentRequests: limit,
});

/** A key as it is written down: its hash, never itself. */
export type KeySpec = z.output<typeof keySchema>;

const fileSchema = z.strictObject({ keys: z.array(keySchema).max(MOST_KEYS) });

/**
 * The keys of a file.
 * @throws Error that says what is wrong with it, on one line
 */
export function parseKeyFile(text: string): readonly KeySpec[] {
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.keys;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the file'}: ${message}`,
  );
  throw new Error(problems.join('; '));
}

/** A key without limits, as the option `apiKeys` has it: `<name>:<SHA-256>`. */
export function unlimitedKey(text: string): KeySpec {
  const [name, sha256] = text.split(':');
  return keySchema.parse({ name, sha256 });
}

/** @throws Error when two keys have a name or a hash in common */
export function requireDistinct(keys: readonly KeySpec[]): void {
  for (const member of ['name', 'sha256'] as const) {
    const seen = new Map<string, KeySpec>();
    for (const key of keys) {
      const other = seen.get(key[member]);
      if (other !== undefined) {
        throw new Error(
          member === 'name'
            ? `two keys have the name "${key.name}"`
            : `the keys "${other.name}" and "${key.name}" are the same key`,
        );
      }
      seen.set(key[member], key);
    }
  }
}
