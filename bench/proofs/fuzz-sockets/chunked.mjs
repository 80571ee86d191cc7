const BAD_SIZES = [
  ...['', '1 ', ' 1', '-1', 'zz', '0x5', '5;a=b', `5;${'a'.repeat(20_000)}`],
  ...['f'.repeat(18), `${'0'.repeat(16)}5`],
];
const LAST = '0\r\n\r\n';
const LAST_WITH_TRAILERS = '0\r\nX: y\r\nContent-Length: 5\r\n\r\n';
const FAULTS = ['size', 'too long', 'no line end', 'no last chunk', 'trailers'];

/** A body in chunks of any sizes. @param kind `good` or `bad` */
export function chunked(random, body, kind) {
  const fault = kind === 'bad' ? random.pick(FAULTS) : undefined;
  const parts = [];
  for (let at = 0; at < body.length;) {
    const size = random.from(1, body.length - at);
    const announced = (fault === 'too long' ? size + 1 : size).toString(16);
    parts.push(fault === 'size' ? random.pick(BAD_SIZES) : announced, '\r\n');
    parts.push(body.subarray(at, at + size), fault === 'no line end' ? 'x' : '\r\n');
    at += size;
  }
  if (fault !== 'no last chunk') parts.push(fault === 'trailers' ? LAST_WITH_TRAILERS : LAST);
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}
