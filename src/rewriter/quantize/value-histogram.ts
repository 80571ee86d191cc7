import type { NumericData } from '../../kernel/element-types';
import type { Range } from './quantization';

const BINS = 4096;
const HALF = BINS / 2;
const FIRST_REACH = 2 ** -10;

/** How often values occur, from −reach to reach; the reach doubles as larger ones come. */
export class ValueHistogram {
  readonly counts = new Float64Array(BINS);
  #reach = FIRST_REACH;
  #min = Infinity;
  #max = -Infinity;

  /** Values that are no numbers, and infinite ones, do not count. */
  add(values: NumericData, stride = 1): void {
    let min = this.#min;
    let max = this.#max;
    for (let i = 0; i < values.length; i += stride) {
      const value = Number(values[i]);
      if (!Number.isFinite(value)) continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.#min = min;
    this.#max = max;
    while (Math.max(-min, max) >= this.#reach && Number.isFinite(max)) this.#widen();
    const { counts } = this;
    const scale = HALF / this.#reach;
    for (let i = 0; i < values.length; i += stride) {
      const value = Number(values[i]);
      if (!Number.isFinite(value)) continue;
      const bin = Math.floor(value * scale) + HALF;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }

  get range(): Range {
    return this.#max < this.#min ? { min: 0, max: 0 } : { min: this.#min, max: this.#max };
  }

  /** Width of a bin. */
  get step(): number {
    return this.#reach / HALF;
  }

  /** Value at the lower edge of a bin. */
  edge(bin: number): number {
    return (bin - HALF) * this.step;
  }

  #widen(): void {
    const { counts } = this;
    const narrow = Float64Array.from(counts);
    counts.fill(0);
    for (let bin = 0; bin < BINS; bin++) {
      const target = Math.floor((bin - HALF) / 2) + HALF;
      counts[target] = (counts[target] ?? 0) + (narrow[bin] ?? 0);
    }
    this.#reach *= 2;
  }
}
