/** Where a rank-4 shape has 1 or 3 channels; undefined when it has none in either place. */
export function channelsOf(
  shape: readonly number[] | undefined,
): { readonly layout: 'NHWC' | 'NCHW'; readonly channels: number } | undefined {
  if (shape?.length !== 4) return undefined;
  const [, second = -1, , last = -1] = shape;
  if (last === 1 || last === 3) return { layout: 'NHWC', channels: last };
  if (second === 1 || second === 3) return { layout: 'NCHW', channels: second };
  return undefined;
}
