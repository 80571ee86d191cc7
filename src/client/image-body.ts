/** An encoded image (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP). A Buffer is a Uint8Array, a File a Blob. */
export type EncodedImage = Uint8Array | ArrayBuffer | Blob;

/** What a model takes besides the image that is answered: a parameter, or a further picture. */
export type InputValue =
  string | number | readonly number[] | Readonly<Record<string, number>> | EncodedImage;

/** By role: `inputs` of the model's details lists them. */
export type InputValues = Readonly<Record<string, InputValue | undefined>>;

export interface SentBody {
  readonly body: NonNullable<RequestInit['body']>;
  readonly headers: Readonly<Record<string, string>>;
}

/** How images are sent: one as it is, several, or with other things, as a form. */
export function imageBody(images: readonly EncodedImage[], inputs: InputValues = {}): SentBody {
  const [first] = images;
  const others = Object.entries(inputs).filter(([, value]) => value !== undefined);
  if (first !== undefined && images.length === 1 && others.length === 0) {
    return { body: blobOf(first), headers: { 'Content-Type': 'application/octet-stream' } };
  }
  const form = new FormData();
  images.forEach((image, index) => {
    form.append('image', blobOf(image), String(index));
  });
  for (const [role, value] of others) appendTo(form, role, value);
  return { body: form, headers: {} };
}

/** What a model takes that no image is uploaded for: as a form where there are pictures in it, else as JSON. */
export function inputsBody(inputs: InputValues): SentBody {
  const given = Object.entries(inputs).filter(([, value]) => value !== undefined);
  if (!given.some(([, value]) => isImage(value))) {
    return { body: JSON.stringify(inputs), headers: { 'Content-Type': 'application/json' } };
  }
  const form = new FormData();
  for (const [role, value] of given) appendTo(form, role, value);
  return { body: form, headers: {} };
}

function appendTo(form: FormData, role: string, value: InputValue | undefined): void {
  if (isImage(value)) form.append(role, blobOf(value), role);
  else form.append(role, typeof value === 'string' ? value : JSON.stringify(value));
}

export function isImage(value: unknown): value is EncodedImage {
  return value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof Blob;
}

function blobOf(image: EncodedImage): Blob {
  if (image instanceof Blob) return image;
  // Browsers refuse memory that is shared between threads, and so do their types.
  const own = image as ArrayBuffer | Uint8Array<ArrayBuffer>;
  return new Blob([own]);
}
