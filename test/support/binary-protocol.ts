/** Header with the length of the JSON. */
const JSON_LENGTH = 'Inference-Header-Content-Length';

interface BinaryInput {
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A request with binary tensors behind its JSON; `request.inputs` are those that are not binary. */
export function inferBody(
  request: { readonly inputs?: readonly object[]; readonly [key: string]: unknown },
  tensors: Readonly<Record<string, BinaryInput>>,
): { readonly body: Buffer; readonly headers: Record<string, string> } {
  const json = Buffer.from(
    JSON.stringify({
      ...request,
      inputs: [
        ...(request.inputs ?? []),
        ...Object.entries(tensors).map(([name, { datatype, shape, bytes }]) => ({
          name,
          datatype,
          shape,
          parameters: { binary_data_size: bytes.byteLength },
        })),
      ],
    }),
  );
  return {
    body: Buffer.concat([json, ...Object.values(tensors).map(({ bytes }) => bytes)]),
    headers: { [JSON_LENGTH]: String(json.length) },
  };
}

/** The JSON of an answer, and the bytes of its binary tensors by their names. */
export async function splitAnswer(
  response: Response,
): Promise<{ readonly json: any; readonly tensors: Record<string, ArrayBuffer> }> {
  const body = await response.arrayBuffer();
  const length = Number(response.headers.get(JSON_LENGTH) ?? body.byteLength);
  const json = JSON.parse(Buffer.from(body, 0, length).toString());
  const tensors: Record<string, ArrayBuffer> = {};
  let at = length;
  for (const { name, parameters } of json.outputs ?? []) {
    const size = parameters?.binary_data_size;
    if (size === undefined) continue;
    tensors[name] = body.slice(at, at + Number(size));
    at += Number(size);
  }
  if (at !== body.byteLength) throw new Error(`${body.byteLength - at} bytes are left over`);
  return { json, tensors };
}
