import { ServingError } from '../../kernel/errors';
import type { DType } from '../../kernel/element-types';
import { formatShape, type Tensor } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { CLOSE_LIST, COMMA, OPEN_LIST, type JsonCursor } from '../json/json-cursor';
import type { JsonSlice } from '../json/json-slice';
import { sinkOf, typeError, type ElementSink, type StringForm } from './element-sink';

/** Elements that are read between two pauses: some tens of microseconds. */
const STEP_ELEMENTS = 512;

export interface NestedReaderOptions {
  /** Name of the input, for messages. */
  readonly name: string;
  readonly dtype: DType;
  readonly strings: StringForm;
  /** Elements there can be, and whether there are as many unless something is wrong. */
  readonly max: number;
  readonly exact: boolean;
  /** What a message on a value of a row begins with. @default nothing */
  readonly ofRow?: ((row: number) => string) | undefined;
}

/**
 * Reads nested lists into a tensor, whose shape is read off the first element of each list. Values
 * may come one after the other, each a row of the tensor.
 */
export class NestedReader {
  readonly #name: string;
  readonly #dtype: DType;
  readonly #sink: ElementSink;
  readonly #ofRow: ((row: number) => string) | undefined;
  /** Size by level; -1 while the first list of a level is not over. */
  readonly #shape: number[] = [];
  /** Items so far of the lists that are open. */
  readonly #items: number[] = [];
  /** Lists around an element; -1 before the first. */
  #rank = -1;
  #untilPause = STEP_ELEMENTS;

  constructor({ name, dtype, strings, max, exact, ofRow }: NestedReaderOptions) {
    this.#name = name;
    this.#dtype = dtype;
    this.#ofRow = ofRow;
    this.#sink = sinkOf(dtype, max, exact, strings);
  }

  /** Opens a list of which no bracket stands in the text: `row` reads its items. */
  openRows(): void {
    this.#open(0);
  }

  /** Reads the value at the cursor as one more item of the list that `openRows` opened. */
  *row(cursor: JsonCursor): Steps<void> {
    yield* this.value(cursor, 1);
    this.#items[0] = (this.#items[0] ?? 0) + 1;
  }

  closeRows(): void {
    this.#close(0);
  }

  /**
   * Reads the value at the cursor.
   * @param around lists that are open already
   * @throws ServingError INVALID_INPUT when lists are uneven or a value is of another type, naming
   *   the element; BAD_REQUEST where it is not JSON
   */
  *value(cursor: JsonCursor, around = 0): Steps<void> {
    let depth = around;
    try {
      for (;;) {
        if (--this.#untilPause <= 0) {
          this.#untilPause = STEP_ELEMENTS;
          yield;
        }
        if (cursor.peek() === OPEN_LIST) {
          cursor.at += 1;
          this.#open(depth);
          depth += 1;
          if (cursor.peek() !== CLOSE_LIST) continue;
          if (this.#rank < 0) this.#rank = depth;
        } else {
          const reading = this.#element(cursor, depth);
          if (reading !== undefined) yield* reading;
          if (depth === around) return;
          this.#items[depth - 1] = (this.#items[depth - 1] ?? 0) + 1;
          if (cursor.take(COMMA)) continue;
        }
        // Behind an item that no comma follows, lists end until one goes on.
        for (;;) {
          cursor.require(CLOSE_LIST);
          depth -= 1;
          this.#close(depth);
          if (depth === around) return;
          this.#items[depth - 1] = (this.#items[depth - 1] ?? 0) + 1;
          if (cursor.take(COMMA)) break;
        }
      }
    } catch (thrown) {
      throw this.#located(thrown, depth);
    }
  }

  finish(): Tensor {
    return {
      name: this.#name,
      dtype: this.#dtype,
      shape: this.#shape,
      data: this.#sink.finish(),
    };
  }

  #element(cursor: JsonCursor, depth: number): Steps<void> | undefined {
    if (this.#rank < 0) this.#rank = depth;
    if (depth === this.#rank) return this.#sink.read(cursor);
    const expected = `list of shape ${formatShape(this.#shape.slice(depth, this.#rank))}`;
    throw typeError(cursor, expected);
  }

  #open(depth: number): void {
    if (this.#rank >= 0 && depth >= this.#rank) {
      throw new ServingError(
        'INVALID_INPUT',
        `Encountered list at unexpected level: ${depth} expected < ${this.#rank}`,
      );
    }
    this.#items[depth] = 0;
    if (this.#shape.length === depth) this.#shape.push(-1);
  }

  #close(level: number): void {
    const items = this.#items[level] ?? 0;
    const expected = this.#shape[level] ?? -1;
    if (expected < 0) {
      this.#shape[level] = items;
    } else if (items !== expected) {
      throw new ServingError(
        'INVALID_INPUT',
        `Encountered list at unexpected size: ${items} at level: ${level} expected size: ${expected}`,
      );
    }
  }

  /** First what TensorFlow Serving says, as clients may look for that, then where it was. */
  #located(thrown: unknown, depth: number): unknown {
    if (!(thrown instanceof ServingError) || thrown.code !== 'INVALID_INPUT') return thrown;
    const before = this.#ofRow?.(this.#items[0] ?? 0) ?? '';
    const place = this.#items.slice(0, depth).map((index) => `[${index}]`);
    const element = place.length === 0 ? '' : `, element ${place.join('')}`;
    return new ServingError(
      thrown.code,
      `${before}${thrown.message} (input "${this.#name}"${element})`,
    );
  }
}

/** A tensor from nested lists, or from one value. @throws ServingError INVALID_INPUT, BAD_REQUEST */
export function* readNested(
  slice: JsonSlice,
  options: Pick<NestedReaderOptions, 'name' | 'dtype' | 'strings' | 'ofRow'>,
): Steps<Tensor> {
  const reader = new NestedReader({ ...options, max: slice.maxValues, exact: true });
  const cursor = slice.cursor();
  yield* reader.value(cursor);
  if (cursor.peek() >= 0) throw cursor.unexpected();
  return reader.finish();
}

/**
 * The elements of a list in their order, in whatever way they are nested.
 * @throws ServingError INVALID_INPUT for a value of another type, with its place in this order; BAD_REQUEST
 */
export function* readElements<T>(slice: JsonSlice, sink: ElementSink<T>): Steps<T> {
  try {
    return yield* elementsOf(slice, sink);
  } catch (thrown) {
    if (!(thrown instanceof ServingError) || thrown.code !== 'INVALID_INPUT') throw thrown;
    throw new ServingError(thrown.code, `${thrown.message} (element ${sink.count})`);
  }
}

function* elementsOf<T>(slice: JsonSlice, sink: ElementSink<T>): Steps<T> {
  const cursor = slice.cursor();
  let depth = 0;
  let untilPause = STEP_ELEMENTS;
  for (;;) {
    if (--untilPause <= 0) {
      untilPause = STEP_ELEMENTS;
      yield;
    }
    if (cursor.take(OPEN_LIST)) {
      depth += 1;
      if (cursor.peek() !== CLOSE_LIST) continue;
    } else {
      const reading = sink.read(cursor);
      if (reading !== undefined) yield* reading;
      if (depth > 0 && cursor.take(COMMA)) continue;
    }
    while (depth > 0) {
      cursor.require(CLOSE_LIST);
      depth -= 1;
      if (depth > 0 && cursor.take(COMMA)) break;
    }
    if (depth > 0) continue;
    if (cursor.peek() >= 0) throw cursor.unexpected();
    return sink.finish();
  }
}
