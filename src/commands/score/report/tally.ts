import { ClassRegistry, type ClassCounts } from './class-registry';
import type { Truth } from './labels-file';
import type { RowClass } from '../../../tasks/task-row';
import { bestOfEach, classesOf, rowTask } from '../rows/row-classes';
import type { ScoreRow } from '../rows/score-row';

/** What the report says about every row, listed or not. */
export interface Totals {
  readonly rows: number;
  /** Rows whose classes are ranked, the ones that may be right or wrong. */
  readonly classified: number;
  /** Of every task, classified ones among them. */
  readonly scored: number;
  readonly failed: number;
  /** By falling count. */
  readonly errorCodes: readonly (readonly [code: string, count: number])[];
  /** `name version` and its rows. */
  readonly models: readonly (readonly [model: string, rows: number])[];
  /** Mean milliseconds of each stage over the rows that have it. */
  readonly stages: readonly (readonly [stage: string, meanMs: number])[];
  readonly classes: readonly ClassCounts[];
  /** Undefined without a labels file. */
  readonly accuracy: Accuracy | undefined;
}

export interface Accuracy {
  /** Classified images with a true class: what the rates are of. */
  readonly labelled: number;
  readonly unlabelled: number;
  /** Images with a true class that could not be scored: not part of the rates. */
  readonly failed: number;
  readonly top1: number;
  /** Images whose true class is among their first `k` predictions. */
  readonly topK: number;
  /** 5, or fewer where rows hold fewer predictions. */
  readonly k: number;
  /** Numbers of true class, predicted class and images. */
  readonly confusion: readonly (readonly [actual: number, predicted: number, count: number])[];
}

const TOP_K = 5;

/** Counts rows one by one; memory grows with classes and pairs of classes, not with rows. */
export class Tally {
  readonly registry: ClassRegistry;
  readonly #labelled: boolean;
  readonly #errorCodes = new Map<string, number>();
  readonly #models = new Map<string, number>();
  readonly #stages = new Map<string, { sum: number; count: number }>();
  readonly #confusion = new Map<number, Map<number, number>>();
  /** How many labelled images have their true class at each place of the predictions. */
  readonly #places = new Array<number>(TOP_K).fill(0);
  #depth = TOP_K;
  #classified = 0;
  #scored = 0;
  #failed = 0;
  #withTruth = 0;
  #failedWithTruth = 0;

  /** @param labelsBy how the labels file names classes; undefined without one */
  constructor(labelsBy: 'index' | 'name' | undefined) {
    this.#labelled = labelsBy !== undefined;
    this.registry = new ClassRegistry(labelsBy ?? 'index');
  }

  add(row: ScoreRow, truth: Truth | undefined): void {
    increase(this.#models, `${row.model} ${row.version}`);
    for (const [stage, ms] of Object.entries(row.timings ?? {})) this.#time(stage, ms);
    if (row.status === 'error') {
      this.#failed += 1;
      if (truth !== undefined) this.#failedWithTruth += 1;
      increase(this.#errorCodes, row.error.code);
    } else {
      this.#scored += 1;
      if (rowTask(row)?.classesAre === 'ranked') {
        this.#classified += 1;
        this.#classify(classesOf(row), truth);
      } else {
        this.#find(bestOfEach(row));
      }
    }
  }

  totals(): Totals {
    return {
      rows: this.#scored + this.#failed,
      classified: this.#classified,
      scored: this.#scored,
      failed: this.#failed,
      errorCodes: falling(this.#errorCodes),
      models: falling(this.#models),
      stages: [...this.#stages].map(([stage, { sum, count }]) => [stage, sum / count] as const),
      classes: this.registry.classes,
      accuracy: this.#labelled ? this.#accuracy() : undefined,
    };
  }

  /** Each class counts once for an image, whatever the number of things of it. */
  #find(classes: readonly RowClass[]): void {
    for (const one of classes) {
      const id = this.registry.ofPrediction(one);
      this.registry.count(id, 'predicted');
      this.registry.countScore(id, one.score);
    }
  }

  #classify(predictions: readonly RowClass[], truth: Truth | undefined): void {
    const ids = predictions.slice(0, TOP_K).map((one) => this.registry.ofPrediction(one));
    const [first] = ids;
    if (first !== undefined) {
      this.registry.count(first, 'predicted');
      this.registry.countScore(first, predictions[0]?.score);
    }
    if (truth === undefined) return;
    const actual = this.registry.ofTruth(truth);
    this.#withTruth += 1;
    this.#depth = Math.min(this.#depth, ids.length);
    this.registry.count(actual, 'actual');
    const place = ids.indexOf(actual);
    if (place >= 0) this.#places[place] = (this.#places[place] ?? 0) + 1;
    if (first === undefined) return;
    if (first === actual) this.registry.count(actual, 'correct');
    const pairs = this.#confusion.get(actual) ?? new Map<number, number>();
    this.#confusion.set(actual, pairs);
    increase(pairs, first);
  }

  #accuracy(): Accuracy {
    return {
      labelled: this.#withTruth,
      unlabelled: this.#classified - this.#withTruth,
      failed: this.#failedWithTruth,
      top1: this.#places[0] ?? 0,
      topK: this.#places.slice(0, this.#depth).reduce((sum, count) => sum + count, 0),
      k: this.#depth,
      confusion: [...this.#confusion].flatMap(([actual, pairs]) =>
        [...pairs].map(([predicted, count]) => [actual, predicted, count] as const),
      ),
    };
  }

  #time(stage: string, ms: number): void {
    const entry = this.#stages.get(stage) ?? { sum: 0, count: 0 };
    this.#stages.set(stage, { sum: entry.sum + ms, count: entry.count + 1 });
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function falling(counts: ReadonlyMap<string, number>): (readonly [string, number])[] {
  return [...counts].sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1));
}
