import { joinByteStrings } from '../../kernel/byte-strings';
import { isBigData, typedArrayOf, type DType } from '../../kernel/element-types';
import { toHalf } from '../../kernel/half-floats';
import { elementCount, type Tensor } from '../../kernel/tensor';
import type { ModelInputs, MoreInput, SideImage } from './model-inputs';
import { drawNoise } from './noise';
import type { InputValue } from './parse-value';

/**
 * The tensors of one row for every input but pictures.
 * @param seed of this row
 */
export function feedValues(
  { more }: ModelInputs,
  values: ReadonlyMap<string, InputValue>,
  seed: number,
): Tensor[] {
  return more
    .filter((input): input is Exclude<MoreInput, SideImage> => input.kind !== 'image')
    .map((input) => tensorOf(input, values.get(input.role), seed));
}

function tensorOf(
  input: Exclude<MoreInput, SideImage>,
  value: InputValue | undefined,
  seed: number,
): Tensor {
  const { inputName: name, dtype, shape } = input;
  const count = elementCount(shape);
  const numbers = (list: ArrayLike<number>): Tensor => ({
    name,
    dtype,
    shape,
    data: numbersAs(dtype, list, count),
  });
  const text = (content: string): Tensor => ({
    name,
    dtype,
    shape,
    data: joinByteStrings([Buffer.from(content)]),
  });
  switch (input.kind) {
    case 'number':
      return numbers([Number(value)]);
    case 'numbers':
      return numbers(value as readonly number[]);
    case 'text':
      return text(String(value));
    case 'label': {
      const index = Number(value);
      if (input.form === 'text') return text(input.labels?.[index] ?? '');
      return numbers(
        input.form === 'index'
          ? [index]
          : Array.from({ length: count }, (_, at) => (at === index ? 1 : 0)),
      );
    }
    case 'noise':
      return numbers(drawNoise(input.draw, count, seed, input.stream));
    case 'seed':
      return numbers([seed, 0]);
  }
}

function numbersAs(dtype: DType, list: ArrayLike<number>, count: number): Tensor['data'] {
  const data = typedArrayOf(dtype === 'string' ? 'uint8' : dtype, count);
  for (let i = 0; i < count; i++) {
    const value = list[i] ?? 0;
    if (isBigData(data)) data[i] = BigInt(value);
    else data[i] = dtype === 'float16' || dtype === 'bfloat16' ? toHalf(value, dtype) : value;
  }
  return data;
}
