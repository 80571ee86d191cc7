import fc from 'fast-check';

import { pathBytes, pathText } from '../../../../../src/commands/score/inputs/path-text';

test('whatever bytes a path has, its text leads back to them', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(pathBytes(pathText(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
});

test('every text leads back to itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(pathText(Buffer.from(text))).toEqual({ path: text });
    }),
  );
});

test('bytes that are no UTF-8 are escaped, and so is the percent sign beside them', () => {
  expect(pathText(Buffer.from([0x61, 0x25, 0xff]))).toEqual({
    path: 'a%25%FF',
    pathEncoding: 'percent',
  });
  expect(pathText(Buffer.from('100%.jpg'))).toEqual({ path: '100%.jpg' });
});
