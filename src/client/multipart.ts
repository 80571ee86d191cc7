export interface Part {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

const HEAD_END = [13, 10, 13, 10];

/**
 * Parts of a multipart/mixed body whose every part has a Content-Length, as the server sends it:
 * no need to look for the boundary inside pictures.
 * @throws TypeError when it is none
 */
export function partsOf(body: Uint8Array): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (;;) {
    const headEnd = indexOf(body, HEAD_END, at);
    const head = new TextDecoder().decode(
      body.subarray(at, headEnd === -1 ? body.length : headEnd),
    );
    // The boundary with two dashes behind it, and nothing after.
    if (headEnd === -1) {
      if (/^--[^\r\n]+--\r\n$/.test(head)) return parts;
      throw new TypeError('the multipart body ends early');
    }
    const mediaType = /^content-type: *(.+?)\r?$/im.exec(head)?.[1];
    const length = /^content-length: *(\d+)\r?$/im.exec(head)?.[1];
    if (mediaType === undefined || length === undefined) {
      throw new TypeError('a part has no type and length');
    }
    const start = headEnd + HEAD_END.length;
    const end = start + Number(length);
    if (end + 2 > body.length) throw new TypeError('the multipart body ends early');
    parts.push({ mediaType, bytes: body.subarray(start, end) });
    at = end + 2;
  }
}

function indexOf(body: Uint8Array, wanted: readonly number[], from: number): number {
  let at = body.indexOf(wanted[0] ?? 0, from);
  while (at !== -1 && !wanted.every((byte, i) => body[at + i] === byte)) {
    at = body.indexOf(wanted[0] ?? 0, at + 1);
  }
  return at;
}
