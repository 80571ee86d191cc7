import fc from 'fast-check';

import { readImageHeader } from '../../../src/imaging/open-image';
import { REFUSED_FORMATS } from '../../../src/imaging/refused-formats';
import { IMAGE_FORMATS, sniffImageFormat } from '../../../src/imaging/sniff';
import { LIMITS } from '../../support/decoding';
import { card, ENCODERS, FORMATS } from '../../support/pictures';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

test.each(FORMATS)('%s is told by its first bytes', async (format) => {
  const bytes = await ENCODERS[format](card());

  expect(sniffImageFormat(bytes)).toBe(format);
  expect(sniffImageFormat(bytes.subarray(0, 32))).toBe(format);
});

test.each([
  ['svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['svg', '<?xml version="1.0"?><!DOCTYPE svg><SVG >'],
  ['pdf', '%PDF-1.7'],
  ['pdf', '\n\n%PDF-1.4'],
  ['heic', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
  ['avif', '\0\0\0\x18ftypmif1\0\0\0\0mif1avif'],
  ['bmp', 'BM\0\0'],
  ['ico', '\0\0\x01\0\x01'],
  ['jxl', '\xff\x0a\0'],
  ['jxl', '\0\0\0\x0cJXL \r\n\x87\n'],
  ['jp2', '\0\0\0\x0cjP  \r\n\x87\n'],
  ['psd', '8BPS\0\x01'],
  ['html', '<!DOCTYPE html><html>'],
  ['tiff', 'MM\0*\0\0\0\x08'],
  ['tiff', 'II+\0\x08\0\0\0'],
])('%s is recognised in %j', (format, text) => {
  expect(sniffImageFormat(bytesOf(text))).toBe(format);
});

test.each([
  ['jls', '\xff\xd8\xff\xf7'],
  ['jxr', 'II\xbc\x01'],
  ['ico', '\0\0\x02\0\x01'],
  ['xcf', 'gimp xcf v011'],
  ['raw', 'IIRO\x08\0\0\0'],
  ['raw', 'II*\0\x10\0\0\0CR\x02\0'],
  ['raw', '\0\0\0\x18ftypcrx \0\0\0\x01crx isom'],
  ['exr', '\x76\x2f\x31\x01'],
  ['hdr', '#?RADIANCE\n'],
  ['pnm', 'P6\n4 4\n255\n'],
  ['dds', 'DDS |\0\0\0'],
  ['qoi', 'qoif\0\0'],
  ['fits', 'SIMPLE  =                    T'],
  ['dicom', `${'\0'.repeat(128)}DICM`],
  ['numpy', '\x93NUMPY\x01\0'],
  ['postscript', '%!PS-Adobe-3.0'],
  ['video', '\x1a\x45\xdf\xa3'],
  ['video', '\0\0\0\x18ftypmp42\0\0\0\0mp42'],
  ['video', 'RIFF\0\0\0\0AVI LIST'],
  ['archive', 'PK\x03\x04'],
  ['archive', '\x1f\x8b\x08'],
  ['base64', '/9j/4AAQSkZJRg'],
  ['base64', 'data:image/png;base64,iVBORw0KGgo'],
] as const)('%s is recognised in %j, and refused with what to do', async (format, text) => {
  const bytes = bytesOf(text);
  expect(sniffImageFormat(bytes)).toBe(format);

  await expect(readImageHeader(bytes, LIMITS)).rejects.toMatchObject({
    code: 'UNSUPPORTED_IMAGE_FORMAT',
    status: 415,
    message: `${REFUSED_FORMATS[format].name} are not accepted; allowed are JPEG, PNG, WEBP, GIF, TIFF, AVIF, BMP: ${REFUSED_FORMATS[format].advice}`,
  });
});

test('HEIC is refused with the way to convert it', async () => {
  const heic = bytesOf('\0\0\0\x18ftypheic\0\0\0\0mif1heic');

  await expect(readImageHeader(heic, LIMITS)).rejects.toMatchObject({
    message: expect.stringMatching(/^HEIC and HEIF files .*heif-convert.*Most Compatible$/),
  });
});

test.each([
  '',
  'RIFF\0\0\0\0WAVE',
  '\0\0\0\x18ftypxxxx\0\0\0\0xxxx',
  'GIF88a',
  'hello',
  'BMW and other cars',
])('%j is not of a known format', (text) => {
  expect(sniffImageFormat(bytesOf(text))).toBeUndefined();
});

test('only the given part of a larger buffer is looked at', () => {
  const padded = bytesOf('xxBMxx%PDF-');

  expect(sniffImageFormat(padded.subarray(2, 6))).toBe('bmp');
  expect(sniffImageFormat(padded.subarray(4, 6))).toBeUndefined();
});

test('any bytes get an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const known = [undefined, ...IMAGE_FORMATS, ...Object.keys(REFUSED_FORMATS)];
      expect(known).toContain(sniffImageFormat(bytes));
    }),
  );
});
