import type { Truth } from './labels-file';
import type { Prediction } from '../../../outputs/classification';

/** One class in the report, with what was counted for it over every row. */
export interface ClassCounts {
  /** Undefined where only a labels file names the class and it does so by name. */
  readonly index: number | undefined;
  readonly name: string;
  /** Images whose first prediction it is, or in which it was found. */
  readonly predicted: number;
  /** Images whose true class it is. */
  readonly actual: number;
  /** Images of which both hold. */
  readonly correct: number;
  /** Sum of its scores in the images that have one, the best of each. */
  readonly scores: number;
  readonly scored: number;
}

type Counts = { -readonly [Key in keyof ClassCounts]: ClassCounts[Key] };

/**
 * Gives each class a small number, whether it is met as a prediction or in the labels file. Classes
 * are the same when their index is, or, where the labels file names them, when their name is: two
 * classes of one name are then one.
 */
export class ClassRegistry {
  readonly #by: 'index' | 'name';
  readonly #ids = new Map<string | number, number>();
  readonly #classes: Counts[] = [];

  constructor(by: 'index' | 'name') {
    this.#by = by;
  }

  get classes(): readonly ClassCounts[] {
    return this.#classes;
  }

  ofPrediction({ index, label }: Pick<Prediction, 'index' | 'label'>): number {
    const id = this.#idOf(this.#by === 'index' ? index : fold(label), index, label);
    const known = this.#classes[id];
    // What the model calls a class is better than what a labels file does.
    if (known !== undefined) {
      known.name = label;
      known.index ??= index;
    }
    return id;
  }

  ofTruth({ index, name }: Truth): number {
    const key = this.#by === 'index' ? (index ?? -1) : fold(name ?? '');
    return this.#idOf(key, index, name ?? `class ${index ?? '?'}`);
  }

  count(id: number, what: 'predicted' | 'actual' | 'correct'): void {
    const counts = this.#classes[id];
    if (counts !== undefined) counts[what] += 1;
  }

  /** @param score undefined where the model gives none */
  countScore(id: number, score: number | undefined): void {
    const counts = this.#classes[id];
    if (counts === undefined || score === undefined) return;
    counts.scores += score;
    counts.scored += 1;
  }

  #idOf(key: string | number, index: number | undefined, name: string): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#classes.length;
    this.#ids.set(key, id);
    this.#classes.push({ index, name, predicted: 0, actual: 0, correct: 0, scores: 0, scored: 0 });
    return id;
  }
}

function fold(name: string): string {
  return name.trim().replaceAll('_', ' ').toLowerCase();
}
