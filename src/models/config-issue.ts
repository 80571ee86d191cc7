import type { z } from 'zod';

/** What is wrong with model.json, with its place, in one line. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  const where = ['model.json', ...issue.path.map(String)].join('.');
  if (issue.code === 'unrecognized_keys') {
    return `${where}: unknown ${issue.keys.length > 1 ? 'keys' : 'key'} ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  }
  if (issue.code === 'invalid_union') {
    const options = issue.errors.flat().map((inner) => inner.message);
    return `${where}: ${[...new Set(options)].join(', or ')}`;
  }
  return `${where}: ${issue.message}`;
}
