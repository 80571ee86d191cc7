import type { VersionPolicy } from './model-config';

/** @default the newest version alone, as TensorFlow Serving does */
export const DEFAULT_VERSION_POLICY: VersionPolicy = { latest: 1 };

/**
 * The versions to serve out of those there are, ascending. Numbers that a specific policy names
 * and that are not there are simply absent from the answer.
 */
export function selectVersions(available: readonly number[], policy: VersionPolicy): number[] {
  const ascending = [...new Set(available)].sort((a, b) => a - b);
  if (policy === 'all') return ascending;
  if ('latest' in policy) return ascending.slice(-policy.latest);
  return ascending.filter((version) => policy.specific.includes(version));
}
