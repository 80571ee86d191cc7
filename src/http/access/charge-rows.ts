import type { Request, Response } from 'express';

import type { Tensor } from '../../kernel/tensor';
import type { TensorTarget } from '../../inference/tensor-request';
import { chargeImages } from './key-guard';

/** Counts the rows of a tensor request for its key, as the images of a request are. */
export async function chargeRows(
  request: Request,
  response: Response,
  target: TensorTarget,
  inputs: Promise<readonly Tensor[]>,
): Promise<readonly Tensor[]> {
  const tensors = await inputs;
  chargeImages(request, response, rowsOf(target, tensors));
  return tensors;
}

/** Encoded images; else the first dimension where the signature leaves it open; else one. */
export function rowsOf(
  { signature, imageInput }: Pick<TensorTarget, 'signature' | 'imageInput'>,
  tensors: readonly Pick<Tensor, 'name' | 'dtype' | 'shape'>[],
): number {
  const rows = tensors.map(({ name, dtype, shape }) => {
    const encoded = name === imageInput && dtype === 'string';
    const declared = signature.inputs.find((input) => input.name === name)?.shape;
    const open = declared?.[0] === -1 && declared.length === shape.length;
    return encoded || open ? (shape[0] ?? 1) : 1;
  });
  return Math.max(1, ...rows);
}
