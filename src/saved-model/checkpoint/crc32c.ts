/** Of the reversed Castagnoli polynomial, for each value of a byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

const MASK_DELTA = 0xa282ead8;

/** CRC-32C of all chunks, one after the other. */
export function crc32c(...chunks: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const chunk of chunks) {
    // By index: three times as fast as an iterator, over all weights of a model.
    for (let i = 0; i < chunk.length; i++) {
      crc = (TABLE[(crc ^ (chunk[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** As LevelDB and TensorFlow store it: a checksum over data that holds checksums would be weak. */
export function maskedCrc32c(...chunks: readonly Uint8Array[]): number {
  const crc = crc32c(...chunks);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}
