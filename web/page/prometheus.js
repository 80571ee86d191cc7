/** Prometheus's text format, as far as the panel needs it. */

/** @typedef {{ readonly name: string, readonly labels: Readonly<Record<string, string>>, readonly value: number }} Sample */

/**
 * @param {string} text
 * @returns {readonly Sample[]}
 */
export function samplesOf(text) {
  return text.split('\n').flatMap((row) => {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(row) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [
      key,
      text,
    ]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/**
 * @param {readonly Sample[]} samples
 * @param {string} name
 * @param {(labels: Readonly<Record<string, string>>) => boolean} [wanted]
 */
export function sumOf(samples, name, wanted = () => true) {
  return samples
    .filter((sample) => sample.name === name && wanted(sample.labels))
    .reduce((sum, { value }) => sum + value, 0);
}
