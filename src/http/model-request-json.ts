import { ServingError } from '../kernel/errors';
import { inSlices } from '../kernel/time-slices';
import type { ImageSource } from '../inference/image-request';
import { sideImages, takesUpload, type ModelInputs } from '../tasks/inputs/model-inputs';
import type { BodyLimits } from './body/body-limits';
import { decoded, isObject, problemOfImage } from './image-json';
import { RemoteImage } from './image-url/fetch-images';
import type { JsonLimits } from './json/json-limits';
import type { JsonSlice } from './json/json-slice';
import { readDocument, type Captures } from './json/read-document';
import type { SentContent } from './request-content';

const FILE: Captures = { b64: true };
const ONE_OR_SEVERAL: Captures = { b64: true, '*': FILE };
/** Numbers that a request may list. */
const MOST_NUMBERS = 200_000;
const SHAPE = 'it must be {"b64": "…"}, or {"url": "…"} where images are fetched';

type Sent = ImageSource | RemoteImage;

/**
 * What a JSON body holds for a model with several inputs: `image` or `images` and further pictures by
 * role, each `{"b64": "…"}`, `{"url": "…"}` or a list of such; every other member is a parameter. Nothing is
 * fetched yet.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE, CLIENT_CLOSED_REQUEST
 */
export async function contentFromJson(
  body: Buffer,
  inputs: ModelInputs,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<SentContent> {
  const roles = sideImages(inputs).map(({ role }) => role);
  const uploads = takesUpload(inputs)
    ? [...new Set(['image', 'images', inputs.uploadRole])].filter((name) => !roles.includes(name))
    : [];
  const json = jsonLimits(limits);
  const document = await readDocument(body, {
    captures: Object.fromEntries([...uploads, ...roles].map((name) => [name, ONE_OR_SEVERAL])),
    limits: json,
    capturedLimits: json,
    signal,
  });
  if (!isObject(document)) {
    throw new ServingError('BAD_REQUEST', 'The JSON body is not an object');
  }
  const sent = uploads.filter((name) => name in document);
  if (sent.length > 1) {
    throw new ServingError(
      'BAD_REQUEST',
      `The JSON body has ${sent.map((name) => `"${name}"`).join(' and ')}; one of them is allowed`,
    );
  }
  const pictures = new Map<string, Sent[]>();
  const images: Sent[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(document)) {
    if (uploads.includes(name)) images.push(...(await filesOf(name, value, signal)));
    else if (roles.includes(name)) pictures.set(name, await filesOf(name, value, signal));
    else values[name] = value;
  }
  return { images, pictures, values };
}

async function filesOf(name: string, value: unknown, signal: AbortSignal): Promise<Sent[]> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const sources: Sent[] = [];
  for (const [index, one] of list.entries()) {
    const problem = problemOfImage(one, Array.isArray(value) ? `${name}[${index}]` : name);
    if (problem !== '') {
      throw new ServingError('BAD_REQUEST', `${problem}; ${SHAPE}`);
    }
    const image = one as { readonly b64: JsonSlice } | { readonly url: string };
    sources.push(
      'url' in image ? new RemoteImage(image.url) : await inSlices(decoded(image.b64), signal),
    );
  }
  return sources;
}

function jsonLimits({ maxFiles }: BodyLimits): JsonLimits {
  const most = 1024 + 4 * maxFiles;
  return {
    maxDepth: 8,
    maxContainers: most,
    maxValues: most + MOST_NUMBERS,
    maxKeys: most + MOST_NUMBERS,
  };
}
