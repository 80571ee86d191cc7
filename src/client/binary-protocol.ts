import {
  datatypeOf,
  elementsAt,
  isNumeric,
  numbersAt,
  wireBytes,
  type Tensor,
  type TensorInput,
} from './tensors';

/** Length of the JSON in front of the tensors. */
export const HEADER_LENGTH = 'Inference-Header-Content-Length';

export interface InferRequest {
  readonly inputs: Readonly<Record<string, TensorInput>>;
  /** All when absent. */
  readonly outputs?: readonly string[] | undefined;
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export interface InferResponse {
  readonly model: string;
  readonly version: string | undefined;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** The body of an infer request with binary tensor data: JSON, then the tensors one by one. */
export function encodeInfer({ inputs, outputs, parameters }: InferRequest): {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
} {
  const tensors = Object.entries(inputs).map(([name, tensor]) => ({
    name,
    tensor,
    bytes: wireBytes(tensor),
  }));
  const json = new TextEncoder().encode(
    JSON.stringify({
      inputs: tensors.map(({ name, tensor, bytes }) => ({
        name,
        shape: tensor.shape,
        datatype: datatypeOf(tensor),
        parameters: { binary_data_size: bytes.byteLength },
      })),
      ...(outputs === undefined ? {} : { outputs: outputs.map((name) => ({ name })) }),
      parameters: { ...parameters, binary_data_output: true },
    }),
  );
  return {
    body: concat([json, ...tensors.map(({ bytes }) => bytes)]),
    headers: {
      'Content-Type': 'application/octet-stream',
      [HEADER_LENGTH]: String(json.byteLength),
    },
  };
}

interface WireOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: { readonly binary_data_size?: number };
}

/**
 * @param headerLength value of Inference-Header-Content-Length
 * @throws Error when the body is none
 */
export function decodeInfer(body: ArrayBuffer, headerLength: string | null): InferResponse {
  const jsonBytes = headerLength === null ? body.byteLength : Number(headerLength);
  const json = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 0, jsonBytes))) as {
    readonly model_name: string;
    readonly model_version?: string;
    readonly outputs: readonly WireOutput[];
  };
  let offset = jsonBytes;
  const outputs = json.outputs.map((output) => {
    const bytes = output.parameters?.binary_data_size;
    if (bytes === undefined) throw new TypeError(`output "${output.name}" came without its bytes`);
    const tensor = decodeTensor(output, body, offset, bytes);
    offset += bytes;
    return [output.name, tensor] as const;
  });
  return {
    model: json.model_name,
    version: json.model_version,
    outputs: Object.fromEntries(outputs),
  };
}

function decodeTensor(
  { datatype, shape }: WireOutput,
  body: ArrayBuffer,
  offset: number,
  bytes: number,
): Tensor {
  if (datatype === 'BYTES') return { datatype, shape, data: elementsAt(body, offset, bytes) };
  if (!isNumeric(datatype)) throw new TypeError(`there is no array for ${datatype}`);
  // The array was chosen by the data type: the pair belongs together.
  return { datatype, shape, data: numbersAt(datatype, body, offset, bytes) } as Tensor;
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
