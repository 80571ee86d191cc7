import { ServingError } from '../../kernel/errors';
import { takesSeed, takesUpload, valueInputs, type ModelInputs } from './model-inputs';
import { MAX_SEED } from './noise';
import { allowedValues, parseValue, type InputValue } from './parse-value';

/** What a request says besides pictures: as it came, by name. */
export type RawValues = Readonly<Record<string, unknown>>;

/** What a request gives the inputs besides pictures. */
export interface RequestValues {
  /** By role; complete. */
  readonly values: ReadonlyMap<string, InputValue>;
  /** Of the first answer; undefined where the model takes none. */
  readonly seed: number | undefined;
}

const NONE: RequestValues = { values: new Map(), seed: undefined };

/** Names of the parameters that a model has besides those of its task. */
export function parameterNames(inputs: ModelInputs): readonly string[] {
  const names = valueInputs(inputs).map(({ role }) => role);
  return takesSeed(inputs) ? [...names, 'seed'] : names;
}

/** Whether a request may say more than one picture. */
export function takesMore(inputs: ModelInputs): boolean {
  return inputs.more.length > 0 || !takesUpload(inputs);
}

/**
 * Checks what a request says against model.json; what it leaves out is filled in.
 * @param raw names that the model has, and no others
 * @param randomSeed for requests without one
 * @throws ServingError INVALID_INPUT naming what is wrong and what is allowed
 */
export function requestValues(
  inputs: ModelInputs,
  raw: RawValues,
  randomSeed: () => number = drawSeed,
): RequestValues {
  if (inputs.more.length === 0) return NONE;
  const values = new Map<string, InputValue>();
  for (const input of valueInputs(inputs)) {
    const { role, fallback } = input;
    const given = Object.hasOwn(raw, role) ? raw[role] : undefined;
    if (given === undefined || given === null) {
      if (fallback === undefined) {
        throw invalid(`"${role}" is missing; needed is ${allowedValues(input)}`);
      }
      values.set(role, fallback);
      continue;
    }
    try {
      values.set(role, parseValue(input, given));
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      throw invalid(`"${role}" is ${shown(given)}: ${thrown.message}`);
    }
  }
  return { values, seed: takesSeed(inputs) ? seedOf(raw.seed, randomSeed) : undefined };
}

function seedOf(given: unknown, randomSeed: () => number): number {
  if (given === undefined || given === null) return randomSeed();
  const seed = typeof given === 'string' && /^\d{1,10}$/.test(given) ? Number(given) : given;
  if (typeof seed === 'number' && Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED) {
    return seed;
  }
  throw invalid(`"seed" is ${shown(given)}: allowed is a whole number from 0 to ${MAX_SEED}`);
}

function drawSeed(): number {
  return Math.floor(Math.random() * (MAX_SEED + 1));
}

function shown(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
