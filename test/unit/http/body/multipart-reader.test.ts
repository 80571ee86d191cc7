import fc from 'fast-check';

import { MultipartReader } from '../../../../src/http/body/multipart-reader';
import type { PartHeaders } from '../../../../src/http/body/part-headers';

interface Part {
  readonly headers: PartHeaders;
  readonly content: string;
}

/** The parts of a body that comes in pieces, cut where `cuts` says. */
function read(body: Buffer, cuts: readonly number[] = [], boundary = 'b'): Part[] {
  const parts: { headers: PartHeaders; chunks: Buffer[] }[] = [];
  const reader = new MultipartReader(boundary, (headers) => {
    const chunks: Buffer[] = [];
    parts.push({ headers, chunks });
    return { data: (chunk) => chunks.push(Buffer.from(chunk)) };
  });
  let from = 0;
  for (const cut of [...cuts, body.length].sort((a, b) => a - b)) {
    reader.push(body.subarray(from, cut));
    from = Math.max(from, Math.min(cut, body.length));
  }
  reader.finish();
  return parts.map(({ headers, chunks }) => ({
    headers,
    content: Buffer.concat(chunks).toString('latin1'),
  }));
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const HEADER = 'Content-Disposition: form-data; name="a"';

test.each([
  ['lines that end with LF', `--b\n${HEADER}\n\none\n--b--\n`, ['one']],
  ['text before and behind', `hello\r\n--b\r\n${HEADER}\r\n\r\none\r\n--b--\r\nbye`, ['one']],
  ['spaces behind the boundary', `--b \t\r\n${HEADER}\r\n\r\none\r\n--b--`, ['one']],
  ['empty content', `--b\r\n${HEADER}\r\n\r\n\r\n--b--`, ['']],
  ['a part without a header', `--b\r\n\r\none\r\n--b--`, ['one']],
  ['no part', '--b--\r\n', []],
  [
    'a longer boundary inside',
    `--b\r\n${HEADER}\r\n\r\none\r\n--bc\r\n--b\t\r\n${HEADER}\r\n\r\ntwo\r\n--b--`,
    ['one\r\n--bc', 'two'],
  ],
  ['a boundary that begins no line', `--b\r\n${HEADER}\r\n\r\none--b--\r\n--b--`, ['one--b--']],
  ['one dash behind the boundary', `--b\r\n${HEADER}\r\n\r\none\r\n--b-\r\n--b--`, ['one\r\n--b-']],
  ['an LF boundary among CRLF', `--b\r\n${HEADER}\r\n\r\none\n--b\r\n--b--`, ['one\n--b']],
])('%s', (_what, body, contents) => {
  expect(read(bytes(body)).map(({ content }) => content)).toEqual(contents);
});

test.each([
  ['form-data; name="image"; filename="a.jpg"', { name: 'image', filename: 'a.jpg' }],
  ['form-data; name=image', { name: 'image' }],
  [
    String.raw`form-data; name="im\"age\\"; filename=""`,
    { name: String.raw`im"age\ `.trim(), filename: '' },
  ],
  ['form-data; filename="; name=no"; name="yes"', { name: 'yes', filename: '; name=no' }],
  ['form-data; name="first"; name="second"', { name: 'first' }],
  ['form-data; name="not closed; filename=x', { name: '"not closed', filename: 'x' }],
  ['form-data', {}],
])('the disposition %s is read', (disposition, expected) => {
  const [part] = read(bytes(`--b\r\nContent-DISPOSITION: ${disposition}\r\nX\r\n\r\n.\r\n--b--`));

  expect(JSON.parse(JSON.stringify(part?.headers))).toEqual(expected);
});

test.each(['', '--b', '--b\r\n', '--b\r\nX: y', `--b\r\n${HEADER}\r\n\r\none\r\n--b`, '--c--\r\n'])(
  '%j is not a whole form',
  (body) => {
    expect(() => read(bytes(body))).toThrow(/^The multipart form is malformed: /);
  },
);

test('any content comes out as it went in, wherever the body is cut', () => {
  /** Made of what boundaries are made of, to meet everything that looks like one. */
  const content = fc
    .array(
      fc.constantFrom('\r', '\n', '-', '--', 'b', 'x', '\r\n', '\r\n--', '\r\n--c', '\0', '\xff'),
      { maxLength: 40 },
    )
    .map((pieces) => pieces.join(''))
    .filter((text) => !/\r\n--b($|[ \t]*($|\r)|--?$|--)/.test(text));
  fc.assert(
    fc.property(
      fc.array(content, { maxLength: 4 }),
      fc.array(fc.nat({ max: 400 }), { maxLength: 30 }),
      (contents, cuts) => {
        const parts = contents.map((text) => `--b\r\n${HEADER}\r\n\r\n${text}\r\n`);
        const body = bytes(`${parts.join('')}--b--\r\n`);

        const found = read(
          body,
          cuts.filter((cut) => cut < body.length),
        );

        expect(found.map((part) => part.content)).toEqual(contents);
      },
    ),
    { numRuns: 2000 },
  );
});

test('any bytes are parts or a malformed form', () => {
  const piece = fc.constantFrom('--b', '--', '\r\n', '\n', '\r', ' ', 'x', ':', HEADER, '\r\n\r\n');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.nat({ max: 300 }), { maxLength: 10 }),
      (pieces, cuts) => {
        const body = bytes(pieces.join(''));
        try {
          read(
            body,
            cuts.filter((cut) => cut < body.length),
          );
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_REQUEST' });
        }
      },
    ),
    { numRuns: 2000 },
  );
});
