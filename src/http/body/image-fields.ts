/** Names of the form fields that hold images. */
const IMAGE_FIELD = /^(images?|files?)(\[\d*\])?$/i;

/** The names, as error messages say them. */
export const IMAGE_FIELD_NAMES = '"image" (or images, file, files, with or without [])';

export function isImageField(name: string): boolean {
  return IMAGE_FIELD.test(name);
}
