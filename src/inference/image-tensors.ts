import { ServingError } from '../kernel/errors';
import type { ImageTensor } from '../imaging/preprocess';
import {
  elementCount,
  formatShape,
  isBatchable,
  isByteStrings,
  sliceRows,
  type Signature,
  type Tensor,
} from '../kernel/tensor';
import type { TensorTarget } from './tensor-request';
import type { TensorPart } from './tensor-parts';
import { validateInputs } from './validate-inputs';
import { eachByteString } from '../kernel/byte-strings';

/** One encoded image of a request. */
export interface ImageRow {
  readonly image: Uint8Array;
  /**
   * What is run, now that the image is decoded.
   * @throws ServingError INVALID_INPUT
   */
  readonly part: (tensor: ImageTensor) => TensorPart;
}

/** Strings for the image input of a model that takes pixels are encoded images. */
export function isImageInput(target: TensorTarget, { name, dtype }: Tensor): boolean {
  const spec = target.signature.inputs.find((input) => input.name === name);
  return name === target.imageInput && dtype === 'string' && spec?.dtype !== 'string';
}

/**
 * One part for each encoded image: images are decoded side by side, and those of different size
 * cannot share a tensor. Other inputs are checked here, before anything is decoded or run. None for no image,
 * where the model takes any number.
 * @throws ServingError INVALID_INPUT
 */
export function splitImages(
  signature: Signature,
  inputs: readonly Tensor[],
  images: Tensor,
): ImageRow[] {
  const others = inputs.filter((input) => input !== images);
  const rows = elementCount(images.shape);
  const list = isByteStrings(images.data) ? [...eachByteString(images.data)] : [];
  const spec = signature.inputs.find(({ name }) => name === images.name);
  if (images.shape.length > 2 || (images.shape[1] ?? 1) !== 1 || list.length !== rows) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${images.name}" takes encoded images as shape [?] or [?, 1] and was given ${formatShape(images.shape)}`,
    );
  }
  validateInputs(
    { ...signature, inputs: signature.inputs.filter((input) => input !== spec) },
    others,
  );
  const batchable = isBatchable(signature);
  if (rows !== 1 && !batchable) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${images.name}" takes one image at a time and was given ${rows}`,
    );
  }
  for (const { name, shape } of others) {
    if (batchable && shape[0] !== rows) {
      throw new ServingError(
        'INVALID_INPUT',
        `input "${name}" has ${shape[0] ?? 0} rows, and "${images.name}" has ${rows} images`,
      );
    }
  }
  const partOf = ({ data, shape }: ImageTensor, row: number): TensorPart => {
    const tensor: Tensor = {
      name: images.name,
      dtype: spec?.dtype ?? 'float32',
      shape: [1, ...shape],
      data,
    };
    const inputsOfRow = inputs.map((input) =>
      input === images ? tensor : batchable ? sliceRows(input, row, 1) : input,
    );
    validateInputs(signature, inputsOfRow);
    return { inputs: inputsOfRow, rows: 1, batchable };
  };
  return list.map((image, row) => ({ image, part: (tensor) => partOf(tensor, row) }));
}
