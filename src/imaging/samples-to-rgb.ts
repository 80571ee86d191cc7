import type { Steps } from '../kernel/time-slices';

/** Pixels between two pauses. */
const STEP_PIXELS = 65_536;

/** Samples of a pixel beyond its colours. */
export interface ExtraSamples {
  /** Which of them is alpha, counted from the first behind the colours. @default none */
  readonly alpha?: number | undefined;
}

/** How the samples that libvips hands out become RGB. */
export interface SampleRule {
  /** Cyan, magenta, yellow and black, 0 without ink, rather than RGB. */
  readonly cmyk: boolean;
  /** Of samples of two bytes, lower one first, the higher is taken. */
  readonly sampleBytes: 1 | 2;
  readonly extra: ExtraSamples;
  /** Whether black is 16 and white 235, as in video, rather than 0 and 255. */
  readonly limitedRange: boolean;
}

/** Interleaved 8-bit RGB, or RGB and alpha. */
export interface RgbSamples {
  readonly data: Uint8Array;
  readonly channels: 3 | 4;
}

/** 8-bit levels of limited range, expanded. */
const EXPANDED = Uint8ClampedArray.from({ length: 256 }, (_, level) => ((level - 16) * 255) / 219);

/**
 * Turns interleaved samples into RGB in the place where they stand: a pixel never gets longer.
 * @param channels samples per pixel
 */
export function* toRgbSteps(
  data: Uint8Array,
  channels: number,
  { cmyk, sampleBytes, extra, limitedRange }: SampleRule,
): Steps<RgbSamples> {
  const pixelBytes = channels * sampleBytes;
  const pixels = Math.floor(data.length / pixelBytes);
  const high = sampleBytes - 1;
  const colours = cmyk ? 4 : 3;
  const alpha = extra.alpha === undefined ? undefined : colours + extra.alpha;
  let to = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * pixelBytes + high;
    const opacity = alpha === undefined ? 0 : (data[from + alpha * sampleBytes] ?? 0);
    const first = data[from] ?? 0;
    const second = data[from + sampleBytes] ?? 0;
    const third = data[from + 2 * sampleBytes] ?? 0;
    if (cmyk) {
      const light = 255 - (data[from + 3 * sampleBytes] ?? 0);
      data[to] = withInk(light, first);
      data[to + 1] = withInk(light, second);
      data[to + 2] = withInk(light, third);
    } else {
      data[to] = limitedRange ? (EXPANDED[first] ?? 0) : first;
      data[to + 1] = limitedRange ? (EXPANDED[second] ?? 0) : second;
      data[to + 2] = limitedRange ? (EXPANDED[third] ?? 0) : third;
    }
    to += 3;
    if (alpha !== undefined) data[to++] = opacity;
    if (pixel % STEP_PIXELS === 0) yield;
  }
  return { data: data.subarray(0, to), channels: alpha === undefined ? 3 : 4 };
}

/** What an ink leaves of the light: light × (255 − ink) / 255, rounded as PIL does it. */
function withInk(light: number, ink: number): number {
  const product = light * ink + 128;
  return light - ((product + (product >> 8)) >> 8);
}
