import { ServingError } from '../kernel/errors';
import { sideImages, type ModelInputs, type SideImage } from '../tasks/inputs/model-inputs';
import { seedAt } from '../tasks/inputs/noise';
import type { InputValue } from '../tasks/inputs/parse-value';
import { requestValues } from '../tasks/inputs/request-values';
import type { ImageSource, MoreOfRequest } from './image-request';

/** What one row is fed besides the upload. */
export interface RowInputs {
  readonly values: ReadonlyMap<string, InputValue>;
  readonly seed: number | undefined;
  /** Undefined: the plain picture that stands for one that was not sent. */
  readonly pictures: ReadonlyMap<SideImage, ImageSource | undefined>;
}

const NOTHING: MoreOfRequest = { values: {}, pictures: new Map() };

/**
 * What each row of a request is fed besides the upload: the parameters are those of all, the seed goes up
 * by one from row to row, and a further picture is that of all or has its place.
 * @throws ServingError INVALID_INPUT naming what is missing or not allowed
 */
export function rowsOf(
  inputs: ModelInputs,
  count: number,
  { values: raw, pictures }: MoreOfRequest = NOTHING,
): readonly RowInputs[] {
  const { values, seed } = requestValues(inputs, raw);
  const sides = sideImages(inputs);
  for (const { role, fallback } of sides) {
    const given = pictures.get(role)?.length ?? 0;
    if (given === 0 && fallback === undefined) {
      throw new ServingError('INVALID_INPUT', `"${role}" is missing; needed is a picture`);
    }
    if (given > 1 && given !== count) {
      throw new ServingError(
        'INVALID_INPUT',
        `"${role}" was given ${given} pictures for ${count} ${count === 1 ? 'image' : 'images'}; one for all or one for each is allowed`,
      );
    }
  }
  return Array.from({ length: count }, (_, place) => ({
    values,
    seed: seed === undefined ? undefined : seedAt(seed, place),
    pictures: new Map(
      sides.map((side) => {
        const given = pictures.get(side.role) ?? [];
        return [side, given.length === 1 ? given[0] : given[place]] as const;
      }),
    ),
  }));
}
