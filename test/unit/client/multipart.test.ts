import { partsOf } from '../../../src/client/multipart';

const part = (type: string, body: string): string =>
  `--b\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}\r\n`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('parts come out in order, whatever they hold', () => {
  const hostile = '\r\n--b--\r\n\r\n\r\n--b';

  const parts = partsOf(bytes(`${part('image/png', hostile)}${part('text/x', '')}--b--\r\n`));

  expect(parts.map((one) => [one.mediaType, new TextDecoder().decode(one.bytes)])).toEqual([
    ['image/png', hostile],
    ['text/x', ''],
  ]);
});

test.each([
  ['cut inside a part', part('image/png', 'abcdef').slice(0, -6)],
  ['cut between the parts', part('image/png', 'abcdef')],
  ['without a length', '--b\r\nContent-Type: image/png\r\n\r\nabc\r\n--b--\r\n'],
  ['empty', ''],
  ['a page of a proxy', '<html>\r\n\r\n</html>'],
])('an answer that is %s is an error', (_what, body) => {
  expect(() => partsOf(bytes(body))).toThrow(/ends early|no type and length/);
});
