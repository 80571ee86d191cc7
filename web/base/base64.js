/**
 * @param {string} text base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** @param {{ readonly b64: string, readonly mediaType: string }} file */
export function blobOf({ b64, mediaType }) {
  return new Blob([bytesOf(b64)], { type: mediaType });
}
