import type { z } from 'zod';

/**
 * What is wrong with model.json, each problem with its place and in one line.
 * @param parents keys that lead to the value in which the issue was found
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  parents: readonly string[] = ['model.json'],
): string[] {
  const keys = [...parents, ...issue.path.map(String)];
  const where = keys.join('.');
  if (issue.code === 'unrecognized_keys') {
    return [
      `${where}: unknown ${issue.keys.length > 1 ? 'keys' : 'key'} ${issue.keys.map((key) => `"${key}"`).join(', ')}`,
    ];
  }
  if (issue.code === 'invalid_union') {
    // What is wrong inside an object says more than that it could have been something else; the
    // alternative with the fewest problems is the one that was meant.
    const [inside] = issue.errors
      .filter((errors) =>
        errors.some(({ code, path }) => code === 'unrecognized_keys' || path.length > 0),
      )
      .sort((one, other) => one.length - other.length);
    if (inside !== undefined) return inside.flatMap((inner) => describeIssue(inner, keys));
    const options = issue.errors.flat().map((inner) => inner.message);
    return [`${where}: ${[...new Set(options)].join(', or ')}`];
  }
  return [`${where}: ${issue.message}`];
}
