import fc from 'fast-check';

import { sniffImageFormat } from '../../../src/imaging/sniff';
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

test.each(['', 'RIFF\0\0\0\0WAVE', '\0\0\0\x18ftypmp42\0\0\0\0mp42', 'GIF88a', 'hello'])(
  '%j is no known format',
  (text) => {
    expect(sniffImageFormat(bytesOf(text))).toBeUndefined();
  },
);

test('only the given part of a larger buffer is looked at', () => {
  const padded = bytesOf('xxBMxx%PDF-');

  expect(sniffImageFormat(padded.subarray(2, 6))).toBe('bmp');
  expect(sniffImageFormat(padded.subarray(4, 6))).toBeUndefined();
});

test('any bytes get an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect([undefined, 'bmp', 'jxl', 'ico']).toContain(sniffImageFormat(bytes));
    }),
  );
});
