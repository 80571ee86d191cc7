import { isUtf8 } from 'node:buffer';

import { ServingError } from '../../kernel/errors';
import { byteStringAt, joinByteStrings, stringBytes } from '../../kernel/byte-strings';
import type { TensorAnswer } from '../../inference/tensor-request';
import { topClasses } from '../../inference/top-classes';
import type { DType } from '../../kernel/element-types';
import { elementCount, isByteStrings, type Tensor } from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { float32Text, float64Text } from '../json/number-text';
import { flatJson, type TextPieces } from '../tensors/tensor-text';
import { maxBatchSizeOf } from './batch-dimension';
import { ELEMENT_LENGTH_BYTES } from './byte-elements';
import { datatypeOf } from './datatypes';
import type { RequestedOutput } from './infer-request';

/** What the client asked of the answer. */
export interface ResponseForm {
  readonly id: string | undefined;
  /** In this order; all when undefined. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** Whether outputs that do not say otherwise are binary. */
  readonly binary: boolean;
}

export interface InferResponse {
  /** JSON, made as it is sent. */
  readonly json: TextPieces;
  /** Tensors that follow the JSON, with their bytes on the wire. */
  readonly binary: readonly { readonly tensor: Tensor; readonly bytes: number }[];
}

interface Written {
  readonly tensor: Tensor;
  /** `"name":…,"datatype":…,"shape":…` */
  readonly head: string;
  /** On the wire; undefined for an output that is JSON. */
  readonly bytes: number | undefined;
}

/** Strings that are checked between two pauses. */
const STEP_ELEMENTS = 4096;

/** @throws ServingError INVALID_INPUT for an output that cannot go into the form asked for */
export function* inferResponse(answer: TensorAnswer, form: ResponseForm): Steps<InferResponse> {
  const written: Written[] = [];
  for (const [output, wanted] of inOrder(answer.outputs, form.outputs)) {
    const classes = wanted?.parameters?.classification;
    const tensor = classes === undefined ? output : yield* classified(answer, output, classes);
    const { name, shape } = tensor;
    const datatype = datatypeOf(tensor.dtype);
    if (datatype === undefined) {
      throw new ServingError(
        'INVALID_INPUT',
        `output "${name}" has type ${tensor.dtype}, for which the protocol has no data type`,
      );
    }
    const isBinary = wanted?.parameters?.binary_data ?? form.binary;
    if (!isBinary) yield* requireText(tensor);
    written.push({
      tensor,
      head: `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`,
      bytes: isBinary ? wireBytes(tensor) : undefined,
    });
  }
  return {
    json: jsonOf(answer, form.id, written),
    binary: written.flatMap(({ tensor, bytes }) =>
      bytes === undefined ? [] : [{ tensor, bytes }],
    ),
  };
}

function* jsonOf(
  { target }: TensorAnswer,
  id: string | undefined,
  outputs: readonly Written[],
): TextPieces {
  yield '{';
  if (id !== undefined) yield `"id":${JSON.stringify(id)},`;
  yield `"model_name":${JSON.stringify(target.model)},"model_version":"${target.version}","outputs":[`;
  for (const [index, { tensor, head, bytes }] of outputs.entries()) {
    yield `${index === 0 ? '' : ','}{${head},`;
    if (bytes === undefined) {
      yield '"data":';
      yield* flatJson(tensor, false);
    } else {
      yield `"parameters":{"binary_data_size":${bytes}}`;
    }
    yield '}';
  }
  yield ']}';
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

function wireBytes({ data }: Tensor): number {
  return isByteStrings(data)
    ? stringBytes(data) + ELEMENT_LENGTH_BYTES * data.length
    : data.byteLength;
}

function* requireText({ name, data }: Tensor): Steps<void> {
  if (!isByteStrings(data)) return;
  for (let index = 0; index < data.length; index++) {
    if (!isUtf8(byteStringAt(data, index))) {
      throw new ServingError(
        'INVALID_INPUT',
        `output "${name}" holds bytes that are not text: ask for it as binary data`,
      );
    }
    if (index % STEP_ELEMENTS === 0) yield;
  }
}

const FLOAT32_TEXTS: readonly DType[] = ['float32', 'float16', 'bfloat16'];

function scoreText(dtype: DType): (value: number) => string {
  if (dtype === 'float64') return float64Text;
  return FLOAT32_TEXTS.includes(dtype) ? float32Text : String;
}

/** Strings `value:index` or `value:index:label`, best first. */
function* classified({ target }: TensorAnswer, output: Tensor, classes: number): Steps<Tensor> {
  const rows = yield* topClasses(target, output, classes);
  const text = scoreText(output.dtype);
  const { signature, signatureName, spec } = target;
  const batched =
    signature.outputs.some(({ name, shape }) => name === output.name && shape?.[0] === -1) ||
    (signatureName === spec.signatureName && maxBatchSizeOf(spec) > 0);
  // Of no row it is known too how many there would be.
  const perRow = rows[0]?.length ?? Math.min(classes, elementCount(output.shape.slice(1)));
  return {
    name: output.name,
    dtype: 'string',
    shape: batched ? [rows.length, perRow] : [perRow],
    data: joinByteStrings(
      rows
        .flat()
        .map(({ value, index, label }) =>
          Buffer.from(`${text(value)}:${index}${label === undefined ? '' : `:${label}`}`),
        ),
    ),
  };
}
