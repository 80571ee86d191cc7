import picomatch from 'picomatch';

/**
 * Whether a path is left out by a .dockerignore file.
 * @param {string} source
 * @returns {(name: string) => boolean}
 */
export function ignoredBy(source) {
  const patterns = source
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  return picomatch(
    patterns.flatMap((pattern) => [pattern, `${pattern}/**`]),
    { dot: true },
  );
}
