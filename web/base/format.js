/** Numbers as texts. */

const whole = new Intl.NumberFormat('en');

/** @param {number} value */
export function number(value) {
  return whole.format(value);
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${whole.format(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {number} value */
export function milliseconds(value) {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e8 ? 0 : 1)} MB`;
  return bytes >= 1000 ? `${Math.round(bytes / 1000)} KB` : plural(bytes, 'byte');
}

/**
 * Probabilities in per cent, scores of another range as they are.
 * @param {number} value
 */
export function score(value) {
  return value >= 0 && value <= 1 ? `${(100 * value).toFixed(1)}%` : value.toPrecision(4);
}

/** @param {number} share from 0 to 1 */
export function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}
