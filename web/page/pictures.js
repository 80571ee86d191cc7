/** Where pictures come from: files, the camera, the clipboard, samples, and what is dropped. */

/** @typedef {import('../views/types').Picture} Picture */

/** Pixels that a picture has after it was shrunk. */
const SHRUNK = 2_000_000;
/** Pixels of the longer side of a thumbnail. */
const THUMBNAIL = 160;

/** @type {WeakMap<Picture, string>} */
const thumbnails = new WeakMap();

/**
 * @param {File | Blob} file
 * @param {string} name
 * @param {boolean} shrink whether what has more than two megapixels is made smaller
 * @returns {Promise<Picture>}
 */
export async function readPicture(file, name, shrink) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    // TIFF, say: the server may still read it.
    return { name, file, url, width: undefined, height: undefined };
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  if (shrink && width * height > SHRUNK) {
    const scale = Math.sqrt(SHRUNK / (width * height));
    const smaller = await scaled(image, width * scale, height * scale, 0.9);
    if (smaller !== null) {
      URL.revokeObjectURL(url);
      return readPicture(smaller, name.replace(/\.\w+$/, '.jpg'), false);
    }
  }
  const picture = { name, file, url, width, height };
  const share = Math.min(1, THUMBNAIL / Math.max(width, height));
  const small = await scaled(image, width * share, height * share, 0.8);
  if (small !== null) thumbnails.set(picture, URL.createObjectURL(small));
  return picture;
}

/**
 * @param {HTMLImageElement} image
 * @param {number} width
 * @param {number} height
 * @param {number} quality
 * @returns {Promise<Blob | null>} a JPEG
 */
function scaled(image, width, height, quality) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext('2d');
  if (context === null) return Promise.resolve(null);
  // JPEG has no transparency; the server lays transparent pictures on white too.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
}

/** @param {Picture} picture */
export function thumbnailOf(picture) {
  return thumbnails.get(picture);
}

/** Gives back what the browser keeps for a picture. @param {Picture} picture */
export function forget(picture) {
  URL.revokeObjectURL(picture.url);
  const thumbnail = thumbnails.get(picture);
  if (thumbnail !== undefined) URL.revokeObjectURL(thumbnail);
}

/**
 * Files that were dropped or pasted.
 * @param {DataTransfer | null} data
 */
function filesOf(data) {
  return [...(data?.files ?? [])];
}

/**
 * @param {object} options
 * @param {HTMLElement} options.hint shown while something is dragged over the page
 * @param {() => boolean} options.wanted whether pictures are wanted now
 * @param {(files: readonly File[]) => void} options.take
 */
export function takeDropped({ hint, wanted, take }) {
  const isFiles = (/** @type {DragEvent} */ event) =>
    wanted() && (event.dataTransfer?.types.includes('Files') ?? false);
  window.addEventListener('dragover', (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    hint.hidden = false;
  });
  window.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) hint.hidden = true;
  });
  window.addEventListener('drop', (event) => {
    hint.hidden = true;
    if (!isFiles(event)) return;
    event.preventDefault();
    take(filesOf(event.dataTransfer));
  });
  window.addEventListener('paste', (event) => {
    const files = filesOf(event.clipboardData);
    if (files.length === 0 || !wanted()) return;
    event.preventDefault();
    take(files);
  });
}

/**
 * A file field takes the same file a second time too.
 * @param {HTMLInputElement} field
 * @param {(files: readonly File[]) => void} take
 */
export function takeChosen(field, take) {
  field.addEventListener('change', () => {
    const files = [...(field.files ?? [])];
    field.value = '';
    if (files.length > 0) take(files);
  });
}
