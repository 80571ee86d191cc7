import path from 'node:path';

/**
 * Where a picture of a row lies, or undefined where the row points outside its folder: a result
 * file from elsewhere must not bring other files of this machine into the page.
 * @param file `/` separated, relative to `folder`
 * @param escaped whether `%XX` in it stands for a byte
 */
export function picturePath(folder: string, file: string, escaped: boolean): Buffer | undefined {
  if (file.startsWith('/') || file.split('/').includes('..') || file.includes('\0')) {
    return undefined;
  }
  const bytes = escaped ? unescapeBytes(file) : Buffer.from(file);
  // Unescaping can bring a separator or a dot back.
  if (escaped && /(^|\/)\.\.(\/|$)|^\/|\0/.test(bytes.toString('latin1'))) return undefined;
  return Buffer.concat([Buffer.from(path.resolve(folder) + path.sep), bytes]);
}

function unescapeBytes(text: string): Buffer {
  const source = Buffer.from(text);
  const bytes: number[] = [];
  for (let at = 0; at < source.length; at++) {
    const code = source[at] ?? 0;
    const hex = source.toString('latin1', at + 1, at + 3);
    if (code === 0x25 && /^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else {
      bytes.push(code);
    }
  }
  return Buffer.from(bytes);
}
