import { isUtf8 } from 'node:buffer';

import { ServingError } from '../../kernel/errors';
import type { TensorAnswer } from '../../inference/tensor-inference';
import { topClasses } from '../../inference/top-classes';
import type { Tensor } from '../../kernel/tensor';
import { float32Text } from '../json/number-text';
import { flatJson } from '../tensors/tensor-text';
import { writeByteElements } from './byte-elements';
import { isColumn } from './column-shape';
import { datatypeOf } from './datatypes';
import type { RequestedOutput } from './infer-request';

/** What the client asked of the answer. */
export interface ResponseForm {
  readonly id: string | undefined;
  /** In this order; all when undefined. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** Whether outputs that do not say otherwise are binary. */
  readonly binary: boolean;
  /** Outputs of shape [?] are written as [?, 1]; see isColumn. */
  readonly columns: boolean;
}

export interface InferResponse {
  readonly json: string;
  /** Tensors that follow the JSON. */
  readonly binary: readonly Uint8Array[];
}

/** @throws ServingError INVALID_INPUT for an output that cannot go into the form asked for */
export function inferResponse(answer: TensorAnswer, form: ResponseForm): InferResponse {
  const { target, outputs } = answer;
  const binary: Uint8Array[] = [];
  const written = inOrder(outputs, form.outputs).map(([output, wanted]) => {
    const classes = wanted?.parameters?.classification;
    const tensor = classes === undefined ? output : classified(answer, output, classes);
    const { name } = tensor;
    const shape = form.columns && isVector(answer, tensor) ? [...tensor.shape, 1] : tensor.shape;
    const datatype = datatypeOf(tensor.dtype);
    if (datatype === undefined) {
      throw new ServingError(
        'INVALID_INPUT',
        `output "${name}" has type ${tensor.dtype}, for which the protocol has no data type`,
      );
    }
    const head = `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`;
    if (wanted?.parameters?.binary_data ?? form.binary) {
      const bytes = wireBytes(tensor);
      binary.push(bytes);
      return `{${head},"parameters":{"binary_data_size":${bytes.byteLength}}}`;
    }
    return `{${head},"data":${dataText(tensor)}}`;
  });
  const id = form.id === undefined ? '' : `"id":${JSON.stringify(form.id)},`;
  const json = `{${id}"model_name":${JSON.stringify(target.model)},"model_version":"${target.version}","outputs":[${written.join(',')}]}`;
  return { json, binary };
}

function isVector({ target }: TensorAnswer, { name, shape }: Tensor): boolean {
  const spec = target.signature.outputs.find((output) => output.name === name);
  return shape.length === 1 && isColumn(spec, [...shape, 1]);
}

/** The outputs as they were asked for, each with what was asked of it. */
function inOrder(
  outputs: readonly Tensor[],
  wanted: readonly RequestedOutput[] | undefined,
): (readonly [Tensor, RequestedOutput | undefined])[] {
  if (wanted === undefined) return outputs.map((output) => [output, undefined]);
  return wanted.flatMap((request) => {
    const output = outputs.find(({ name }) => name === request.name);
    return output === undefined ? [] : [[output, request] as const];
  });
}

function wireBytes({ data }: Tensor): Uint8Array {
  if (Array.isArray(data)) return writeByteElements(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function dataText(tensor: Tensor): string {
  if (Array.isArray(tensor.data) && !tensor.data.every((element) => isUtf8(element))) {
    throw new ServingError(
      'INVALID_INPUT',
      `output "${tensor.name}" holds bytes that are no text: ask for it as binary data`,
    );
  }
  return flatJson(tensor, false);
}

/** Strings `value:index` or `value:index:label`, best first. */
function classified({ target }: TensorAnswer, output: Tensor, classes: number): Tensor {
  const rows = topClasses(target, output, classes);
  const text = output.dtype === 'float32' ? float32Text : String;
  const perRow = rows[0]?.length ?? 0;
  const batched = target.signature.outputs.some(
    ({ name, shape }) => name === output.name && shape?.[0] === -1,
  );
  return {
    name: output.name,
    dtype: 'string',
    shape: batched ? [rows.length, perRow] : [perRow],
    data: rows
      .flat()
      .map(({ value, index, label }) =>
        Buffer.from(`${text(value)}:${index}${label === undefined ? '' : `:${label}`}`),
      ),
  };
}
