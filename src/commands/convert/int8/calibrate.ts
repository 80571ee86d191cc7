import { isBigData } from '../../../kernel/element-types';
import { isByteStrings, numbersOf } from '../../../kernel/tensor';
import { ValueHistogram } from '../../../rewriter/quantize/value-histogram';
import type { LoadedModel } from '../../../runtime/backend';
import type { Photo } from '../photos';
import { PROBE } from './probe-model';

/** What was seen of tensors inside a network. */
export interface Calibration {
  readonly histograms: ReadonlyMap<string, ValueHistogram>;
  /** Mean of each channel, which is the last dimension. */
  readonly means: ReadonlyMap<string, Float64Array>;
  /** Of the last photo. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** Numbers of one run that are fetched at a time: 256 MiB of float32. */
const MOST_VALUES = 64 * 2 ** 20;
/** Tensors fetched at a time until their sizes are known. */
const FIRST_GROUP = 8;
/** Of one tensor and photo; more say no more. */
const COUNTED_VALUES = 300_000;

/**
 * Runs a network on photos and counts the values of tensors inside it.
 * @param probe a model with the signature of probe-model.ts
 * @param onPhoto called before each
 */
export function calibrate(
  probe: LoadedModel,
  tensors: readonly string[],
  photos: readonly Photo[],
  onPhoto: () => void,
): Calibration {
  const histograms = new Map(tensors.map((tensor) => [tensor, new ValueHistogram()]));
  const sums = new Map<string, ChannelSums>();
  const shapes = new Map<string, readonly number[]>();
  let groups = inGroups(tensors, FIRST_GROUP);
  let largest = 0;
  for (const { inputs } of photos) {
    onPhoto();
    for (const group of groups) {
      for (const output of probe.run(PROBE, inputs, group)) {
        if (isByteStrings(output.data)) continue;
        const values = numbersOf(output);
        if (isBigData(values)) continue;
        largest = Math.max(largest, values.length);
        shapes.set(output.name, output.shape);
        const stride = Math.max(1, Math.floor(values.length / COUNTED_VALUES));
        // An even stride would see some channels only.
        histograms.get(output.name)?.add(values, stride % 2 === 0 ? stride + 1 : stride);
        const channels = output.shape.at(-1) ?? 1;
        const known = sums.get(output.name) ?? { total: new Float64Array(channels), rows: 0 };
        sums.set(output.name, addRows(known, values));
      }
    }
    // Sizes are known from the first photo on.
    groups = inGroups(tensors, Math.max(1, Math.floor(MOST_VALUES / Math.max(1, largest))));
  }
  const means = [...sums].map(
    ([tensor, { total, rows }]) => [tensor, total.map((sum) => sum / Math.max(1, rows))] as const,
  );
  return { histograms, means: new Map(means), shapes };
}

interface ChannelSums {
  readonly total: Float64Array;
  readonly rows: number;
}

/** Counts some rows: pixels beside each other are alike. */
function addRows({ total, rows }: ChannelSums, values: ArrayLike<number>): ChannelSums {
  const channels = Math.max(1, total.length);
  const stride = channels * Math.max(1, Math.floor(values.length / COUNTED_VALUES));
  let counted = rows;
  for (let start = 0; start + channels <= values.length; start += stride) {
    for (let i = 0; i < channels; i++) total[i] = (total[i] ?? 0) + (values[start + i] ?? 0);
    counted += 1;
  }
  return { total, rows: counted };
}

function inGroups<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
