/** Formats that are decoded. */
export const IMAGE_FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** Formats that are recognised only to be refused by name. */
export type RefusedFormat = 'svg' | 'pdf' | 'heic' | 'bmp' | 'ico' | 'jxl' | 'jp2' | 'psd' | 'html';

const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);

/** Bytes in which markup has to show what it is; comments and a byte-order mark may come first. */
const MARKUP_WINDOW = 1024;

/**
 * Tells a format by its first bytes, so that decoders with a large attack surface (SVG, PDF and
 * the rest of what libvips loads) never see what a client sent.
 */
export function sniffImageFormat(bytes: Uint8Array): ImageFormat | RefusedFormat | undefined {
  const head = latin1(bytes, 0, 16);
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return 'tiff';
  if (head.slice(4, 8) === 'ftyp') return heifBrand(bytes);
  if (head.startsWith('BM')) return 'bmp';
  if (head.startsWith('\0\0\x01\0')) return 'ico';
  if (head.startsWith('\xff\x0a') || head.slice(4, 8) === 'JXL ') return 'jxl';
  if (head.slice(4, 8) === 'jP  ' || head.startsWith('\xff\x4f\xff\x51')) return 'jp2';
  if (head.startsWith('8BPS')) return 'psd';
  const text = latin1(bytes, 0, MARKUP_WINDOW);
  if (text.includes('%PDF-')) return 'pdf';
  if (/<svg[\s>]/i.test(text)) return 'svg';
  if (/^\s*<(!doctype html|html)/i.test(text)) return 'html';
  return undefined;
}

/** AVIF and HEIC share a container; the brands in its first box tell them apart. */
function heifBrand(bytes: Uint8Array): ImageFormat | RefusedFormat | undefined {
  const size = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(0);
  const brands = latin1(bytes, 8, Math.min(size, 256));
  if (/avif|avis/.test(brands)) return 'avif';
  return /hei[cxms]|hev[cxms]|mif1|msf1/.test(brands) ? 'heic' : undefined;
}
