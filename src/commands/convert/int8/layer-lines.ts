import type { FloatReason, Int8Report } from './int8-report';

const REASONS: Readonly<Record<FloatReason, string>> = {
  first: 'first layers, which are not faster or not exact enough',
  last: 'last layers, which are not faster or not exact enough',
  slower: 'not faster in 8 bits',
  accuracy: 'cost accuracy',
  'no kernel': 'no kernel',
};
/** Names of one reason that a person is shown; optimization.json has all. */
const MOST_NAMES = 5;

/** Which layers compute in 8 bits, which do not, and why. */
export function layerLines({ quantized, float32, ranges, accuracy }: Int8Report): string[] {
  const total = quantized.length + float32.length;
  const reasons = Object.keys(REASONS) as FloatReason[];
  return [
    '',
    `in 8 bits: ${quantized.length} of ${total} convolutions and matrix products`,
    ...reasons.flatMap((reason) => {
      const layers = float32.filter((entry) => entry.reason === reason);
      if (layers.length === 0) return [];
      const shown = layers.slice(0, MOST_NAMES).map(described);
      const more = layers.length - shown.length;
      return [
        `in float32, ${REASONS[reason]}: ${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`,
      ];
    }),
    `ranges: ${ranges.method}, chosen on ${accuracy.photos} images${ranges.ofModel === 0 ? '' : `; ${ranges.ofModel} are the model's own`}`,
    `accuracy lost on these: ${accuracy.loss.toPrecision(2)}, of at most ${accuracy.budget}`,
  ];
}

function described({ layer, reason, measured, detail }: Int8Report['float32'][number]): string {
  const name = layer.split('/').slice(-2).join('/');
  if (detail !== undefined) return `${name} (${detail})`;
  if (measured === undefined) return name;
  return reason === 'slower'
    ? `${name} (×${measured.toFixed(2)})`
    : `${name} (${(100 * measured).toPrecision(2)} % alone)`;
}
