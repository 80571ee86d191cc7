import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

export type Encoding = 'multipart' | 'raw' | 'base64';

export interface RequestBody {
  readonly contentType: string;
  readonly bytes: Buffer;
}

const BOUNDARY = 'tfjs-serving-bench-boundary';

/** A photo as a client would send it. Multipart: field `image`. Base64: {"image":{"b64":"…"}}. */
export function requestBody(photo: Buffer, encoding: Encoding): RequestBody {
  switch (encoding) {
    case 'multipart':
      return {
        contentType: `multipart/form-data; boundary=${BOUNDARY}`,
        bytes: Buffer.concat([
          Buffer.from(
            `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n` +
              'Content-Type: image/jpeg\r\n\r\n',
          ),
          photo,
          Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
        ]),
      };
    case 'raw':
      return { contentType: 'image/jpeg', bytes: photo };
    case 'base64':
      return {
        contentType: 'application/json',
        bytes: Buffer.from(JSON.stringify({ image: { b64: photo.toString('base64') } })),
      };
  }
}

export interface RequestPlan {
  /** One request a line: path, content type, body file. */
  readonly file: string;
  readonly meanBodyBytes: number;
}

/** Writes the bodies and the list of requests that the load generator goes through in turn. */
export async function writeRequestPlan(
  folder: string,
  {
    photos,
    paths,
    encoding,
  }: { photos: readonly string[]; paths: readonly string[]; encoding: Encoding },
): Promise<RequestPlan> {
  await mkdir(folder, { recursive: true });
  const bodies = await Promise.all(
    photos.map(async (photo) => {
      const { contentType, bytes } = requestBody(await readFile(photo), encoding);
      const file = path.join(folder, `${path.basename(photo)}.${encoding}`);
      await writeFile(file, bytes);
      return { contentType, file, length: bytes.length };
    }),
  );
  const lines = bodies.flatMap(({ contentType, file }) =>
    paths.map((address) => `${address}\t${contentType}\t${file}\n`),
  );
  const file = path.join(
    folder,
    `plan-${encoding}-${String(paths.length)}-${path.basename(paths[0] ?? '')}.tsv`,
  );
  await writeFile(file, lines.join(''));
  return {
    file,
    meanBodyBytes: bodies.reduce((sum, { length }) => sum + length, 0) / bodies.length,
  };
}
