/** An encoded image (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP). A Buffer is a Uint8Array, a File a Blob. */
export type EncodedImage = Uint8Array | ArrayBuffer | Blob;

/** How images are sent: one as it is, several as a form. */
export function imageBody(images: readonly EncodedImage[]): {
  readonly body: NonNullable<RequestInit['body']>;
  readonly headers: Readonly<Record<string, string>>;
} {
  const [first] = images;
  if (first !== undefined && images.length === 1) {
    return { body: blobOf(first), headers: { 'Content-Type': 'application/octet-stream' } };
  }
  const form = new FormData();
  images.forEach((image, index) => {
    form.append('image', blobOf(image), String(index));
  });
  return { body: form, headers: {} };
}

function blobOf(image: EncodedImage): Blob {
  if (image instanceof Blob) return image;
  // Browsers refuse memory that is shared between threads, and so do their types.
  const own = image as ArrayBuffer | Uint8Array<ArrayBuffer>;
  return new Blob([own]);
}
