import type { Service } from '../../src/compose';
import { joinByteStrings, type ByteStrings } from '../../src/kernel/byte-strings';
import type { DType } from '../../src/kernel/element-types';
import { isByteStrings, type Tensor, type TensorSpec } from '../../src/kernel/tensor';

/** A float32 tensor. */
export function floats(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, dtype: 'float32', shape, data: Float32Array.from(values) };
}

/** An input or output of a signature. */
export function spec(
  name: string,
  shape: readonly number[] | undefined,
  dtype: DType = 'float32',
): TensorSpec {
  const tfDtype = dtype === 'float32' ? 'DT_FLOAT' : `DT_${dtype.toUpperCase()}`;
  return { name, dtype, tfDtype, shape, node: `${name}:0` };
}

/** Elements of a tensor of strings. */
export function strings(...values: readonly (string | Uint8Array)[]): ByteStrings {
  return joinByteStrings(values.map((value) => Buffer.from(value)));
}

/** Numbers of an output. */
export function numbersOf(tensor: Tensor | undefined): number[] {
  if (tensor === undefined || isByteStrings(tensor.data)) return [];
  return Array.from<number | bigint, number>(tensor.data, Number);
}

/** One row through the batcher of a toy model with the single input `x`, as a request does it. */
export async function submitRow(
  service: Pick<Service, 'manager'>,
  model: string,
  row: readonly number[],
  options: { readonly signal?: AbortSignal; readonly shape?: readonly number[] } = {},
): Promise<{ version: number; values: number[]; batchRows: number }> {
  const { servable, release } = service.manager.acquire(model);
  try {
    const { outputs, batchRows } = await servable.batcher.submit(
      {
        signature: servable.spec.signatureName,
        inputs: [floats('x', options.shape ?? [1], row)],
        rows: 1,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      servable.batcher.admission.acquire(1),
    );
    return { version: servable.version, values: numbersOf(outputs[0]), batchRows };
  } finally {
    release();
  }
}
