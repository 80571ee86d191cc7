import { z } from 'zod';

import { joinByteStrings } from '../../../kernel/byte-strings';
import { elementCount, type Tensor } from '../../../kernel/tensor';
import { ImportError } from '../import-error';
import { fromHalfBits } from './from-half-bits';

/** An entry of a weights manifest: docs of `tf.io.WeightsManifestEntry`. */
export const weightSpecSchema = z.object({
  name: z.string(),
  shape: z.array(z.number().int().min(0)),
  dtype: z.enum(['float32', 'int32', 'bool', 'string', 'complex64']),
  quantization: z
    .object({
      dtype: z.enum(['uint8', 'uint16', 'float16']),
      scale: z.number().optional(),
      min: z.number().optional(),
    })
    .optional(),
});
export type WeightSpec = z.infer<typeof weightSpecSchema>;

const WIDTHS = { float32: 4, int32: 4, bool: 1, complex64: 8, uint8: 1, uint16: 2, float16: 2 };

/**
 * The weights of a package, by name, quantised ones as the numbers that they stand for.
 * @param bytes of all weights, one after the other, in the order of the specifications
 * @throws ImportError when there are too few or too many bytes, or a quantisation is incomplete
 */
export function decodeWeights(
  specs: readonly WeightSpec[],
  bytes: Uint8Array,
): ReadonlyMap<string, Tensor> {
  const weights = new Map<string, Tensor>();
  let at = 0;
  for (const spec of specs) {
    const { tensor, length } = decodeWeight(spec, bytes.subarray(at));
    weights.set(spec.name, tensor);
    at += length;
  }
  if (at !== bytes.length) {
    throw new ImportError(`the weight files have ${bytes.length} bytes, and the manifest ${at}`);
  }
  return weights;
}

function decodeWeight(
  spec: WeightSpec,
  bytes: Uint8Array,
): { readonly tensor: Tensor; readonly length: number } {
  const { name, shape, dtype, quantization } = spec;
  const count = elementCount(shape);
  if (dtype === 'string') return decodeStrings(spec, bytes, count);
  const length = count * WIDTHS[quantization?.dtype ?? dtype];
  if (length > bytes.length) throw tooShort(name);
  // Numbers must begin at a multiple of their size.
  const buffer = new ArrayBuffer(length);
  new Uint8Array(buffer).set(bytes.subarray(0, length));
  const data = quantization === undefined ? numbersOf(dtype, buffer) : dequantise(spec, buffer);
  return { tensor: { name, dtype, shape, data }, length };
}

function numbersOf(
  dtype: Exclude<WeightSpec['dtype'], 'string'>,
  buffer: ArrayBuffer,
): Float32Array | Int32Array | Uint8Array {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return new Float32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'bool':
      return new Uint8Array(buffer);
  }
}

/** In double precision and rounded once, as TensorFlow.js does it. */
function dequantise(
  { name, dtype, quantization }: WeightSpec,
  buffer: ArrayBuffer,
): Float32Array | Int32Array {
  const stored = quantization?.dtype;
  if (stored === 'float16' && dtype === 'float32') return fromHalfBits(new Uint16Array(buffer));
  const { scale, min } = quantization ?? {};
  if (stored === 'float16' || scale === undefined || min === undefined) {
    throw new ImportError(
      `the weight "${name}" of type ${dtype} cannot be quantised as ${String(stored)}` +
        (stored === 'float16' ? '' : ' without "scale" and "min"'),
    );
  }
  const quantised = stored === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer);
  if (dtype === 'float32') return Float32Array.from(quantised, (value) => value * scale + min);
  if (dtype === 'int32') return Int32Array.from(quantised, (v) => Math.round(v * scale + min));
  throw new ImportError(`the weight "${name}" of type ${dtype} cannot be quantised`);
}

/** Each string behind its length, 32 bits. */
function decodeStrings(
  { name, shape }: WeightSpec,
  bytes: Uint8Array,
  count: number,
): { readonly tensor: Tensor; readonly length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw tooShort(name);
    const end = at + 4 + view.getUint32(at, true);
    if (end > bytes.length) throw tooShort(name);
    strings.push(bytes.subarray(at + 4, end));
    at = end;
  }
  const data = joinByteStrings(strings);
  return { tensor: { name, dtype: 'string', shape, data }, length: at };
}

function tooShort(name: string): ImportError {
  return new ImportError(`the weight files end before the weight "${name}" does`);
}
