import {
  isLimit,
  type LabelInput,
  type NumberInput,
  type NumbersInput,
  type TextInput,
  type ValueInput,
} from './model-inputs';

/** What a request gives an input: a number, several, the number of a class, or a text. */
export type InputValue = number | readonly number[] | string;

/** Labels that a message names. */
const NAMED = 8;
const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;

/**
 * A value as it came, from JSON or as text, in the type of its input.
 * @throws RangeError that says what is allowed
 */
export function parseValue(input: ValueInput, raw: unknown): InputValue {
  switch (input.kind) {
    case 'number':
      return parseNumber(input, raw);
    case 'numbers':
      return parseNumbers(input, raw);
    case 'label':
      return parseLabel(input, raw);
    case 'text':
      return parseText(input, raw);
  }
}

/** What is allowed, in words that go on after "allowed is". */
export function allowedValues(input: ValueInput): string {
  switch (input.kind) {
    case 'number':
      return rangeOf(input);
    case 'numbers':
      return `a list of ${input.length}, each ${rangeOf(input)}${input.labels === undefined ? '' : `, or a label or {"label": number, …} of ${listOf(input.labels)}`}`;
    case 'label':
      return `${input.labels === undefined ? '' : `${listOf(input.labels)}, or `}a whole number from 0 to ${input.classes - 1}`;
    case 'text':
      return `a text of at most ${input.maxLength} characters`;
  }
}

function parseNumber(
  input: Pick<NumberInput, 'integer' | 'minimum' | 'maximum'>,
  raw: unknown,
): number {
  const value = numberIn(input, raw);
  if (value === undefined) throw new RangeError(`allowed is ${rangeOf(input)}`);
  return value;
}

/** Undefined where it is not a number, or not one that is allowed. */
function numberIn(
  { integer, minimum, maximum }: Pick<NumberInput, 'integer' | 'minimum' | 'maximum'>,
  raw: unknown,
): number | undefined {
  const value =
    typeof raw === 'number' ? raw : typeof raw === 'string' && NUMBER.test(raw) ? Number(raw) : NaN;
  const isAllowed = Number.isFinite(value) && value >= minimum && value <= maximum;
  return isAllowed && (!integer || Number.isSafeInteger(value)) ? value : undefined;
}

function parseNumbers(input: NumbersInput, raw: unknown): readonly number[] {
  const values = listFrom(input, raw).map((value) => {
    const number = numberIn(input, value);
    if (number === undefined) throw new RangeError(`allowed is ${allowedValues(input)}`);
    return number;
  });
  if (values.length !== input.length) {
    throw new RangeError(`${values.length} numbers; allowed is ${allowedValues(input)}`);
  }
  if (!input.normalize) return values;
  const sum = values.reduce((total, value) => total + value, 0);
  if (!(Math.abs(sum) > 0)) throw new RangeError('they add up to 0, and are divided by their sum');
  return values.map((value) => value / sum);
}

function listFrom(input: NumbersInput, raw: unknown): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  const { labels } = input;
  if (typeof raw === 'string') {
    const text = raw.trim();
    if (labels?.includes(raw)) return byLabel(input, { [raw]: 1 });
    if (text.startsWith('{') || text.startsWith('[')) return listFrom(input, jsonOf(input, text));
    return text.split(',');
  }
  if (typeof raw === 'object' && raw !== null && labels !== undefined) return byLabel(input, raw);
  return [raw];
}

function byLabel({ labels = [], length }: NumbersInput, weights: object): number[] {
  const values = new Array<number>(length).fill(0);
  for (const [label, value] of Object.entries(weights)) {
    const index = labels.indexOf(label);
    if (index < 0) {
      throw new RangeError(`there is no "${label.slice(0, 64)}"; there are ${listOf(labels)}`);
    }
    values[index] = value as number;
  }
  return values;
}

function jsonOf(input: NumbersInput, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new RangeError(`it is not JSON; allowed is ${allowedValues(input)}`);
  }
}

function parseLabel(input: LabelInput, raw: unknown): number {
  const { labels, classes } = input;
  if (typeof raw === 'string') {
    const index = labels?.indexOf(raw) ?? -1;
    if (index >= 0) return index;
  }
  const value = typeof raw === 'string' && /^\d{1,9}$/.test(raw) ? Number(raw) : raw;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < classes) {
    return value;
  }
  throw new RangeError(`allowed is ${allowedValues(input)}`);
}

function parseText(input: TextInput, raw: unknown): string {
  if (typeof raw !== 'string') throw new RangeError(`allowed is ${allowedValues(input)}`);
  // Code points: a letter is one, whatever UTF-16 makes of it.
  const tooLong = raw.length > input.maxLength && Array.from(raw).length > input.maxLength;
  if (!tooLong) return raw;
  throw new RangeError(
    `it has ${Array.from(raw).length} characters; allowed is ${allowedValues(input)}`,
  );
}

function rangeOf({
  integer,
  minimum,
  maximum,
}: Pick<NumberInput, 'integer' | 'minimum' | 'maximum'>): string {
  const what = integer ? 'a whole number' : 'a number';
  const [low, high] = [isLimit(minimum), isLimit(maximum)];
  if (low && high) return `${what} from ${minimum} to ${maximum}`;
  if (low) return `${what} from ${minimum}`;
  return high ? `${what} up to ${maximum}` : what;
}

function listOf(labels: readonly string[]): string {
  const named = labels.slice(0, NAMED).map((label) => `"${label}"`);
  const more = labels.length > NAMED ? `, … (${labels.length} in all)` : '';
  return named.join(', ') + more;
}
