import { ServingError } from '../../kernel/errors';
import type { Tensor } from '../../kernel/tensor';
import { float32Text } from '../json/number-text';

type ElementText = (index: number) => string;

/** Elements of a tensor as JSON, in row-major order and in one list. */
export function flatJson(tensor: Tensor, bytesAsBase64: boolean): string {
  const text = elementText(tensor, bytesAsBase64);
  return `[${listed(text, 0, tensor.data.length)}]`;
}

/** A tensor as nested JSON lists; a scalar as its value. `NaN` and `Infinity` are written as such. */
export function nestedJson(tensor: Tensor, bytesAsBase64: boolean): string {
  const { shape } = tensor;
  const text = elementText(tensor, bytesAsBase64);
  const write = (level: number, from: number, count: number): string => {
    const size = shape[level];
    if (size === undefined) return text(from);
    if (level === shape.length - 1) return `[${listed(text, from, from + count)}]`;
    const step = size === 0 ? 0 : count / size;
    const parts: string[] = [];
    for (let i = 0; i < size; i++) parts.push(write(level + 1, from + i * step, step));
    return `[${parts.join(',')}]`;
  };
  return write(0, 0, tensor.data.length);
}

function listed(text: ElementText, from: number, to: number): string {
  const parts = new Array<string>(to - from);
  for (let i = from; i < to; i++) parts[i - from] = text(i);
  return parts.join(',');
}

/** How an element of the tensor is written. */
function elementText({ name, dtype, data }: Tensor, bytesAsBase64: boolean): ElementText {
  if (Array.isArray(data)) {
    return (index) => {
      const bytes = Buffer.from(data[index] ?? []);
      return bytesAsBase64
        ? `{"b64":"${bytes.toString('base64')}"}`
        : JSON.stringify(bytes.toString('utf8'));
    };
  }
  switch (dtype) {
    case 'float32':
      return (index) => float32Text(data[index] as number);
    case 'bool':
      return (index) => (data[index] === 0 ? 'false' : 'true');
    case 'int32':
    case 'int64':
    case 'uint8':
      return (index) => String(data[index]);
    case 'string':
    case 'complex64':
      throw new ServingError(
        'INVALID_INPUT',
        `JSON has no form for output "${name}" of type ${dtype}`,
      );
  }
}
