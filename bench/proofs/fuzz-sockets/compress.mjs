import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

const ENCODERS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};

/** What is made of the compressed body: mostly nothing good. */
const BREAKS = [
  (compressed) => compressed,
  (compressed) => compressed,
  (compressed, random) => compressed.subarray(0, random.below(compressed.length)),
  (compressed, random) => Buffer.concat([compressed, random.bytes(random.from(1, 20))]),
  (compressed) => Buffer.concat([compressed, compressed]),
  (compressed, random) => flip(random, compressed),
  (_compressed, _random, body) => body,
  () => Buffer.alloc(0),
  (_compressed, random) =>
    gzipSync(Buffer.alloc(random.from(1, 12) * 1_000_000, random.pick(['[', ' ', 0]))),
];

/** Compresses the body; what is said of it and what it is need not agree. */
export function compress(random, request) {
  const encoding = random.pick(Object.keys(ENCODERS));
  const compressed = Buffer.from(ENCODERS[encoding](request.body));
  request.body = random.pick(BREAKS)(compressed, random, request.body);
  const others = [encoding.toUpperCase(), `${encoding}, br`, 'zstd', '__proto__', ''];
  request.headers.push(['Content-Encoding', random.chance(0.6) ? encoding : random.pick(others)]);
}

function flip(random, bytes) {
  const flipped = Buffer.from(bytes);
  if (flipped.length > 0) flipped[random.below(flipped.length)] ^= 1 << random.below(8);
  return flipped;
}
