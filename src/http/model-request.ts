import { isUtf8 } from 'node:buffer';

import type { Request, Response } from 'express';

import { ServingError } from '../kernel/errors';
import type { ImageSource } from '../inference/image-request';
import {
  sideImages,
  takesUpload,
  valueInputs,
  type ModelInputs,
} from '../tasks/inputs/model-inputs';
import type { RawValues } from '../tasks/inputs/request-values';
import type { BodyReader } from './body/body-reader';
import { isImageField } from './body/image-fields';
import {
  checkSize,
  FILE_TYPE,
  FORM,
  hasBody,
  JSON_TYPE,
  kindOf,
  mediaTypeOf,
  requireUtf8,
} from './image-request';
import { fetchImages } from './image-url/fetch-images';
import { contentFromJson } from './model-request-json';
import type { RequestContent, SentContent } from './request-content';

const URL_ENCODED = 'application/x-www-form-urlencoded';
const TEXT = 'text/plain';
const NOTHING: RequestContent = { images: [], pictures: new Map(), values: {} };

/**
 * The body of a request for a model that takes more than one picture: a form, JSON, the upload as it is, or,
 * where nothing is uploaded, the text or nothing at all.
 * @throws ServingError as `readImages`
 */
export async function readContent(
  bodies: BodyReader,
  request: Request,
  response: Response,
  inputs: ModelInputs,
  signal: AbortSignal,
): Promise<RequestContent> {
  if (!hasBody(request)) return NOTHING;
  const { maxFileBytes, maxFiles } = bodies.limits;
  const sent = await readAny(bodies, request, response, inputs, signal);
  const count = imagesIn(sent.images, sent.pictures);
  if (count > maxFiles) {
    throw new ServingError(
      'TOO_MANY_IMAGES',
      `The request holds ${count} images; ${maxFiles} are allowed`,
    );
  }
  const { images, pictures, values } = await fetchContent(sent, bodies, response, signal);
  const checked = (list: readonly ImageSource[]): ImageSource[] =>
    list.map((image) => checkSize(image, maxFileBytes));
  return {
    images: checked(images),
    pictures: new Map([...pictures].map(([role, list]) => [role, checked(list)])),
    values,
  };
}

/** All images together, so that they are fetched side by side. */
async function fetchContent(
  { images, pictures, values }: SentContent,
  bodies: BodyReader,
  response: Response,
  signal: AbortSignal,
): Promise<RequestContent> {
  const all = [...images, ...[...pictures.values()].flat()];
  const fetched = await fetchImages(all, bodies, response, signal);
  let at = images.length;
  const ofRoles = [...pictures].map(
    ([role, { length }]) => [role, fetched.slice(at, (at += length))] as const,
  );
  return { images: fetched.slice(0, images.length), pictures: new Map(ofRoles), values };
}

/** All images of a request, those of every role. */
export function imagesIn(
  images: readonly unknown[],
  pictures: ReadonlyMap<string, readonly unknown[]> = new Map(),
): number {
  return [...pictures.values()].reduce((sum, list) => sum + list.length, images.length);
}

async function readAny(
  bodies: BodyReader,
  request: Request,
  response: Response,
  inputs: ModelInputs,
  signal: AbortSignal,
): Promise<SentContent> {
  const type = mediaTypeOf(request);
  if (type === FORM) return readForm(bodies, request, response, inputs);
  if (JSON_TYPE.test(type)) requireUtf8(request);
  const isFile = FILE_TYPE.test(type);
  const { maxFileBytes, maxBodyBytes } = bodies.limits;
  const maxBytes = isFile ? maxFileBytes : maxBodyBytes;
  const body = await bodies.bytes(request, response, { maxBytes });
  if (body.length === 0) return NOTHING;
  const kind = kindOf(body);
  if (JSON_TYPE.test(type) || (!isFile && type !== TEXT && kind === 'json')) {
    return contentFromJson(body, inputs, bodies.limits, signal);
  }
  if (type === URL_ENCODED && kind !== 'image') {
    return { ...NOTHING, values: parametersIn(textOf(body)) };
  }
  if (takesUpload(inputs) && (isFile || kind === 'image')) return { ...NOTHING, images: [body] };
  const role = textRole(inputs);
  if (role !== undefined && !isFile && kind !== 'image') {
    return { ...NOTHING, values: { [role]: textOf(body) } };
  }
  throw otherType(request, inputs);
}

async function readForm(
  bodies: BodyReader,
  request: Request,
  response: Response,
  inputs: ModelInputs,
): Promise<RequestContent> {
  const roles = sideImages(inputs).map(({ role }) => role);
  const isUpload = (field: string): boolean =>
    takesUpload(inputs) && (isImageField(field) || field === inputs.uploadRole);
  // A role may be called as the upload is.
  const roleOf = (field: string): string | undefined => roles.find((role) => role === field);
  const names = [...(takesUpload(inputs) ? ['image', inputs.uploadRole] : []), ...roles];
  const { files, fields } = await bodies.form(request, response, {
    isPicture: (field) => roleOf(field) !== undefined || isUpload(field),
    fieldNames:
      names.length === 0
        ? 'of no name: the model takes no pictures'
        : [...new Set(names)].map((name) => `"${name}"`).join(', '),
  });
  const pictures = new Map<string, Buffer[]>();
  const images: Buffer[] = [];
  for (const { field, bytes } of files) {
    const role = roleOf(field);
    if (role === undefined) images.push(bytes);
    else pictures.set(role, [...(pictures.get(role) ?? []), bytes]);
  }
  const text = Object.keys(fields).find((field) => roleOf(field) !== undefined || isUpload(field));
  if (text !== undefined && fields[text] !== '') {
    throw new ServingError(
      'BAD_REQUEST',
      `The field "${text}" of the form is text; send the file itself, as curl -F ${text}=@photo.jpg does`,
    );
  }
  const values = Object.entries(fields).filter(([field]) => field !== text);
  return { images, pictures, values: Object.fromEntries(values) };
}

/** The role that a body of plain text is for. */
function textRole(inputs: ModelInputs): string | undefined {
  return takesUpload(inputs)
    ? undefined
    : valueInputs(inputs).find(({ kind }) => kind === 'text')?.role;
}

/** Of several of one name the last. */
function parametersIn(text: string): RawValues {
  return Object.fromEntries(new URLSearchParams(text));
}

function textOf(body: Buffer): string {
  if (isUtf8(body)) return body.toString('utf8');
  throw new ServingError('BAD_REQUEST', 'The body is not UTF-8');
}

function otherType(request: Request, inputs: ModelInputs): ServingError {
  const given = request.headers['content-type'] ?? '';
  const allowed = [
    'application/json',
    FORM,
    URL_ENCODED,
    ...(takesUpload(inputs) ? ['image/*', 'application/octet-stream'] : []),
    ...(textRole(inputs) === undefined ? [] : [TEXT]),
  ];
  return new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `${given === '' ? 'A body without a Content-Type' : `Content-Type ${given}`} is not accepted by this model; send ${allowed.join(', ')}`,
    { allowed },
  );
}
