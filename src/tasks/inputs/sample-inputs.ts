import { joinByteStrings } from '../../kernel/byte-strings';
import type { Tensor } from '../../kernel/tensor';
import { feedValues } from './feed-values';
import { valueInputs, type ModelInputs, type ValueInput } from './model-inputs';
import type { InputValue } from './parse-value';

/** A picture of 16 × 12 pixels as JPEG: what every decoder reads but that of BMP. */
const JPEG =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAMABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABQP/xAAZEAADAAMAAAAAAAAAAAAAAAAABCECAzH/xAAUAQEAAAAAAAAAAAAAAAAAAAAF/8QAFxEAAwEAAAAAAAAAAAAAAAAAAAIEAf/aAAwDAQACEQMRAD8AIUV5BpRXkJqa8ZBtTXjIJMwJXRp//9k=';

/**
 * One row of what a request without anything would feed, by input, for the first runs of a model; of
 * what is required the least that is allowed. Pictures of pixels are left out.
 */
export function sampleInputs(inputs: ModelInputs): ReadonlyMap<string, Tensor> {
  const values = new Map(
    valueInputs(inputs).map((input) => [input.role, sampleOf(input)] as const),
  );
  const tensors = new Map(feedValues(inputs, values, 0).map((tensor) => [tensor.name, tensor]));
  const { encoded } = inputs;
  if (encoded?.formats.includes('jpeg') === true) {
    const { inputName: name, shape } = encoded;
    const data = joinByteStrings([Buffer.from(JPEG, 'base64')]);
    tensors.set(name, { name, dtype: 'string', shape, data });
  }
  return tensors;
}

function sampleOf(input: ValueInput): InputValue {
  if (input.fallback !== undefined) return input.fallback;
  switch (input.kind) {
    case 'number':
      return nearestToZero(input);
    case 'numbers':
      return new Array<number>(input.length).fill(nearestToZero(input));
    case 'label':
      return 0;
    case 'text':
      return 'a';
  }
}

function nearestToZero({ minimum, maximum }: { minimum: number; maximum: number }): number {
  return Math.min(Math.max(0, minimum), maximum);
}
