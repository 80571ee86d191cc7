/** What one kind of run was seen to take. */
interface Known {
  /** Bytes of its inputs. */
  inputBytes: number;
  /** Bytes taken for each byte of the inputs. */
  ratio: number;
  measured: number;
}

/** Kinds remembered; models that take any size could otherwise add one for every image. */
const MAX_KINDS = 256;
/** A kind is measured so often at first, and then now and again. */
const MEASURED_FIRST = 3;
const MEASURED_EVERY = 100;
/** How fast a measurement that was too high is forgotten. */
const WEIGHT_OF_LOWER = 0.05;

/**
 * How much memory runs take beyond what an instance holds anyway, learned from runs. Within a kind
 * (signature and shape of a row) it grows with the rows; a kind that was never run is taken to need, for
 * each byte of its inputs, what the kind of the nearest size needed.
 */
export class RunMemory {
  readonly #kinds = new Map<string, Known>();
  #runs = 0;

  /** Whether the next run of a kind is worth measuring. */
  shouldMeasure(kind: string): boolean {
    this.#runs += 1;
    const known = this.#kinds.get(kind);
    return (
      known === undefined || known.measured < MEASURED_FIRST || this.#runs % MEASURED_EVERY === 0
    );
  }

  /**
   * @param inputBytes of all rows, padding included
   * @param takenBytes at the peak of the run
   */
  learn(kind: string, inputBytes: number, takenBytes: number): void {
    if (inputBytes === 0) return;
    const ratio = takenBytes / inputBytes;
    const known = this.#kinds.get(kind);
    // Deleting first keeps the map in order of last use.
    this.#kinds.delete(kind);
    this.#kinds.set(kind, {
      inputBytes: Math.max(inputBytes, known?.inputBytes ?? 0),
      // What a run leaves allocated is not taken again by the next: the highest counts.
      ratio:
        known === undefined || ratio > known.ratio
          ? ratio
          : known.ratio + WEIGHT_OF_LOWER * (ratio - known.ratio),
      measured: (known?.measured ?? 0) + 1,
    });
    const [oldest] = this.#kinds.keys();
    if (this.#kinds.size > MAX_KINDS && oldest !== undefined) this.#kinds.delete(oldest);
  }

  /** Bytes that a run should take; 0 when nothing has been run. */
  estimate(kind: string, inputBytes: number): number {
    const known = this.#kinds.get(kind) ?? this.#nearest(inputBytes);
    return (known?.ratio ?? 0) * inputBytes;
  }

  #nearest(inputBytes: number): Known | undefined {
    let nearest: Known | undefined;
    for (const known of this.#kinds.values()) {
      if (nearest === undefined || distance(known, inputBytes) < distance(nearest, inputBytes)) {
        nearest = known;
      }
    }
    return nearest;
  }
}

function distance({ inputBytes }: Known, bytes: number): number {
  return Math.abs(Math.log(inputBytes / bytes));
}
