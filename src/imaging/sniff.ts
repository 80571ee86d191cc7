import type { RefusedFormat } from './refused-formats';

/** Formats that are decoded. */
export const IMAGE_FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif', 'bmp'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);

/** Bytes in which markup has to show what it is; comments and a byte-order mark may come first. */
const MARKUP_WINDOW = 1024;

/* eslint-disable no-control-regex -- file signatures are made of such bytes */

/** First bytes of formats that are refused, behind those of the formats that are read. */
const REFUSED_SIGNATURES: readonly (readonly [RegExp, RefusedFormat])[] = [
  [/^\0\0[\x01\x02]\0/, 'ico'],
  [/^(\xff\x0a|[^]{4}JXL )/, 'jxl'],
  [/^([^]{4}jP {2}|\xff\x4f\xff\x51)/, 'jp2'],
  [/^II\xbc/, 'jxr'],
  [/^8BPS/, 'psd'],
  [/^gimp xcf/, 'xcf'],
  // Olympus, Panasonic, Fujifilm, Canon, Minolta, Sigma; what begins like a TIFF is told inside it.
  [/^(IIR[OS]|MMOR|IIU\0|FUJIFILM|II[^]{4}HEAP|\0MRM|FOVb)/, 'raw'],
  [/^\x76\x2f\x31\x01/, 'exr'],
  [/^#\?(RADIANCE|RGBE)/, 'hdr'],
  [/^P[1-7][\s#]/, 'pnm'],
  [/^DDS /, 'dds'],
  [/^qoif/, 'qoi'],
  [/^SIMPLE {2}=/, 'fits'],
  [/^\x93NUMPY/, 'numpy'],
  [/^(%!PS|\xc5\xd0\xd3\xc6)/, 'postscript'],
  [/^(\x1a\x45\xdf\xa3|RIFF[^]{4}AVI |FLV\x01|\0\0\x01\xba|OggS)/, 'video'],
  [/^(PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd)/, 'archive'],
  // Of JPEG, PNG, GIF, WebP, TIFF and AVIF.
  [
    /^(data:image\/|\/9j\/|iVBORw0KGgo|R0lGOD[dl]h|UklGR|SUkqA|TU0AK|AAAA[\w+/]{3}mdHlwYXZp)/,
    'base64',
  ],
];

/**
 * Tells a format by its first bytes, so that decoders with a large attack surface (SVG, PDF and
 * the rest of what libvips loads) never see what a client sent.
 */
export function sniffImageFormat(bytes: Uint8Array): ImageFormat | RefusedFormat | undefined {
  const head = latin1(bytes, 0, 32);
  if (head.startsWith('\xff\xd8\xff')) return head[3] === '\xf7' ? 'jls' : 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return head.slice(8, 10) === 'CR' ? 'raw' : 'tiff';
  if (head.slice(4, 8) === 'ftyp') return fileTypeBrand(bytes);
  if (head.startsWith('BM') && isBitmap(head)) return 'bmp';
  const refused = REFUSED_SIGNATURES.find(([signature]) => signature.test(head));
  if (refused !== undefined) return refused[1];
  if (latin1(bytes, 128, 132) === 'DICM') return 'dicom';
  const text = latin1(bytes, 0, MARKUP_WINDOW);
  if (text.includes('%PDF-')) return 'pdf';
  if (/<svg[\s>]/i.test(text)) return 'svg';
  if (/^\s*<(!doctype html|html)/i.test(text)) return 'html';
  return undefined;
}

/** AVIF, HEIC, JPEG 2000, raw files and videos share a container; the brands in its first box tell. */
function fileTypeBrand(bytes: Uint8Array): ImageFormat | RefusedFormat | undefined {
  const size = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(0);
  const brands = latin1(bytes, 8, Math.min(size, 256));
  if (/avif|avis/.test(brands)) return 'avif';
  if (/hei[cxms]|hev[cxms]|mif1|msf1/.test(brands)) return 'heic';
  if (brands.startsWith('crx ')) return 'raw';
  return /^(isom|iso\d|mp4\d|avc1|qt {2}|M4V |3gp|dash|f4v )/.test(brands) ? 'video' : undefined;
}

/** Behind the letters BM, with which text may begin as well, comes a header of one of a few sizes. */
function isBitmap(head: string): boolean {
  return head.length < 18 || /^[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0/.test(head.slice(14));
}
