/** Which bits of a pixel hold a channel, and what each of their values means in 8 bits. */
export interface ChannelMask {
  readonly shift: number;
  /** Behind the shift. */
  readonly mask: number;
  /** Levels of 8 bits by value; masks of more than 8 bits are cut to their highest. */
  readonly levels: Uint8Array;
}

/** @returns undefined where the bits are not one behind the other, or not in a pixel of `bits` */
export function channelMask(mask: number, bits: number): ChannelMask | undefined {
  if (mask === 0) return { shift: 0, mask: 0, levels: new Uint8Array(1) };
  if (mask >= 2 ** bits) return undefined;
  const lowest = 31 - Math.clz32(mask & -mask);
  const length = 32 - Math.clz32(mask >>> lowest);
  if (mask >>> lowest !== 2 ** length - 1) return undefined;
  const used = Math.min(8, length);
  const most = 2 ** used - 1;
  return {
    shift: lowest + length - used,
    mask: most,
    levels: Uint8Array.from({ length: most + 1 }, (_, value) => Math.round((value * 255) / most)),
  };
}
