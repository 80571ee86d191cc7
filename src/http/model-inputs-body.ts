import {
  isLimit,
  takesUpload,
  type ModelInputs,
  type MoreInput,
  type NumberRange,
} from '../tasks/inputs/model-inputs';
import type { InputBody } from './schemas/inputs';

/** What a model takes, by role, as a client sees it. */
export function inputsBody(inputs: ModelInputs): readonly InputBody[] {
  const { uploadRole: role, image, encoded, more } = inputs;
  const upload: InputBody[] = takesUpload(inputs)
    ? [
        {
          role,
          name: image?.inputName ?? encoded?.inputName ?? '',
          kind: 'image',
          required: true,
          ...(encoded === undefined ? {} : { decodedByGraph: encoded.formats }),
        },
      ]
    : [];
  return [...upload, ...more.map(bodyOf)];
}

function bodyOf(input: MoreInput): InputBody {
  const { role, inputName: name, kind } = input;
  const fallback = 'fallback' in input ? input.fallback : undefined;
  const required = 'fallback' in input && fallback === undefined;
  const common = { role, name, kind, required, default: fallback };
  switch (input.kind) {
    case 'image':
    case 'seed':
      return common;
    case 'number':
      return { ...common, ...rangeBody(input) };
    case 'numbers': {
      const { length, labels, normalize } = input;
      return { ...common, ...rangeBody(input), length, labels, normalize };
    }
    case 'label':
      return { ...common, classes: input.classes, labels: input.labels };
    case 'text':
      return { ...common, maxLength: input.maxLength };
    case 'noise':
      return { ...common, shape: input.shape, distribution: input.draw.distribution };
  }
}

/** Limits that were set. */
function rangeBody({ integer, minimum, maximum }: NumberRange): Partial<InputBody> {
  return {
    type: integer ? 'integer' : 'float',
    minimum: isLimit(minimum) ? minimum : undefined,
    maximum: isLimit(maximum) ? maximum : undefined,
  };
}
