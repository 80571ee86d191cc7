/** A path as text. Linux paths are bytes; those that are no UTF-8 are percent-escaped. */
export interface PathText {
  readonly path: string;
  readonly pathEncoding?: 'percent';
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PERCENT = 0x25;

export function pathText(bytes: Uint8Array): PathText {
  try {
    return { path: UTF8.decode(bytes) };
  } catch {
    const path = Array.from(bytes, (byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== PERCENT
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join('');
    return { path, pathEncoding: 'percent' };
  }
}

/** The bytes that `pathText` was given. */
export function pathBytes({ path, pathEncoding }: PathText): Buffer {
  return pathEncoding === undefined
    ? Buffer.from(path, 'utf8')
    : Buffer.from(
        path.replace(/%([0-9A-F]{2})/g, (_all, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        ),
        'latin1',
      );
}
