/** @throws DOMException when it is not base64 */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Numbers of 32 bits, in little-endian order as every machine has them that runs this.
 * @throws DOMException when it is not base64, RangeError when the last number is cut off
 */
export function floatsOf(base64: string): Float32Array {
  return new Float32Array(bytesOf(base64).buffer);
}
