import { isByteStrings, type Tensor } from '../../kernel/tensor';

/** How far two outputs are apart, over everything that was compared. */
export interface OutputDifference {
  /** max |a − b|. */
  readonly maxAbsolute: number;
  /** mean |a − b|. */
  readonly meanAbsolute: number;
  /** max |a − b| / max |a|. */
  readonly maxRelative: number;
  /** mean |a − b| / mean |a|. */
  readonly meanRelative: number;
}

/** The converted model answers something that is not a number, or of another form. */
export class UnusableOutputError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnusableOutputError';
  }
}

/** Adds up the differences between the outputs of two models. */
export class DifferenceMeter {
  #count = 0;
  #largest = 0;
  #sum = 0;
  #maxDifference = 0;
  #sumDifference = 0;

  /** @throws UnusableOutputError */
  add(expected: Tensor, actual: Tensor): void {
    const { data: a } = expected;
    const { data: b } = actual;
    if (expected.dtype !== actual.dtype || expected.shape.join() !== actual.shape.join()) {
      throw new UnusableOutputError(
        `the output "${expected.name}" became ${actual.dtype} [${actual.shape.join()}]`,
      );
    }
    // Texts have no distance.
    if (isByteStrings(a) || isByteStrings(b)) return;
    for (let i = 0; i < a.length; i++) {
      const x = Number(a[i]);
      const y = Number(b[i]);
      if (!Number.isFinite(x)) continue;
      if (!Number.isFinite(y)) {
        throw new UnusableOutputError(`the output "${expected.name}" became ${y}`);
      }
      const difference = Math.abs(x - y);
      this.#count += 1;
      this.#largest = Math.max(this.#largest, Math.abs(x));
      this.#sum += Math.abs(x);
      this.#maxDifference = Math.max(this.#maxDifference, difference);
      this.#sumDifference += difference;
    }
  }

  result(): OutputDifference {
    return {
      maxAbsolute: this.#maxDifference,
      meanAbsolute: this.#sumDifference / Math.max(1, this.#count),
      maxRelative: ratio(this.#maxDifference, this.#largest),
      meanRelative: ratio(this.#sumDifference, this.#sum),
    };
  }
}

function ratio(part: number, whole: number): number {
  return part === 0 ? 0 : part / Math.max(whole, Number.MIN_VALUE);
}
