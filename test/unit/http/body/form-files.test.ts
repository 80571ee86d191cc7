import fc from 'fast-check';

import { formFiles } from '../../../../src/http/body/form-files';
import { ByteBudget } from '../../../../src/kernel/byte-budget';
import { asError, ServingError } from '../../../../src/kernel/errors';

const LIMITS = { maxBodyBytes: 1e6, maxFileBytes: 3000, maxFiles: 3 };
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What comes of a form that arrives in these chunks: its files, or the error that refuses it. */
async function outcome(chunks: readonly Buffer[], { ends = true, budget = 1e9 } = {}) {
  const reservation = new ByteBudget({ limit: budget }).open(() => undefined);
  const sink = formFiles({ boundary: 'b', limits: LIMITS, reservation });
  const failed = new Promise<never>((_resolve, reject) => {
    sink.onFailure?.((thrown) => {
      reject(asError(thrown));
    });
  });
  const read = async (): Promise<Buffer[]> => {
    for (const chunk of chunks) await sink.take(chunk);
    return ends ? sink.finish() : new Promise(() => undefined);
  };
  try {
    const files = await Promise.race([failed, read()]);
    return files.map((file) => file.toString('latin1'));
  } catch (thrown) {
    sink.drop();
    if (!(thrown instanceof ServingError)) throw thrown;
    return `${thrown.code}: ${thrown.message}`;
  }
}

function cutAt(body: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.filter((cut) => cut < body.length), body.length].sort((a, b) => a - b);
  return ends.map((end, i) => body.subarray(ends[i - 1] ?? 0, end));
}

interface PartOptions {
  readonly name?: string;
  readonly filename?: string;
  readonly type?: string;
}

function part(content: string, { name = 'image', filename, type }: PartOptions = {}): string {
  const fileIs = filename === undefined ? '' : `; filename="${filename}"`;
  const typeIs = type === undefined ? '' : `Content-Type: ${type}\r\n`;
  return `--b\r\nContent-Disposition: form-data; name="${name}"${fileIs}\r\n${typeIs}\r\n${content}\r\n`;
}

const form = (...parts: readonly string[]): Buffer => bytes(`${parts.join('')}--b--\r\n`);

const PNG = '\x89PNG\r\n\x1a\n';
/** Made of what boundaries are made of, to meet everything that looks like one. */
const content = fc
  .array(
    fc.constantFrom('\r', '\n', '-', '--', 'b', 'x', '\r\n', '\r\n--', '\r\n--bx', '\0', '\xff'),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''))
  .filter((text) => !/\r\n--b($|[ \t]*($|\r)|--?$|--)/.test(text));
const cuts = fc.array(fc.nat({ max: 600 }), { maxLength: 30 });

test('any content of files with a name, and of those without, comes out wherever the form is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ text: content, kind: fc.nat(2) }), { minLength: 1, maxLength: 3 }),
      cuts,
      async (sent, at) => {
        const files = sent.map(
          ({ text, kind }) =>
            [
              { content: text, options: { filename: 'a.jpg' } },
              { content: `x${text}`, options: { type: 'application/octet-stream' } },
              { content: PNG + text, options: {} },
            ][kind]!,
        );
        const body = form(
          part('a word', { name: 'comment' }),
          ...files.map((file) => part(file.content, file.options)),
          part(''),
        );

        expect(await outcome(cutAt(body, at))).toEqual(files.map((file) => file.content));
      },
    ),
    { numRuns: 500 },
  );
});

test('damaged forms come to the same wherever they are cut', async () => {
  const whole = form(
    part('one', { filename: 'a' }),
    part(PNG),
    part('text', { name: 'comment' }),
    part('two', { name: 'files[]', type: 'image/png', filename: '' }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          at: fc.nat({ max: whole.length - 1 }),
          remove: fc.nat({ max: 9 }),
          insert: fc.constantFrom('', '\r', '\n', '"', '\\', '--b', '\r\n', ';', ':', '\0', '\xff'),
        }),
        { maxLength: 3 },
      ),
      cuts,
      async (damages, at) => {
        const damaged = damages.reduce(
          (body, { at: from, remove, insert }) =>
            Buffer.concat([
              body.subarray(0, from),
              bytes(insert),
              body.subarray(Math.min(from + remove, body.length)),
            ]),
          whole,
        );

        expect(await outcome(cutAt(damaged, at))).toEqual(await outcome([damaged]));
      },
    ),
    { numRuns: 500 },
  );
});

test.each<[string, string[], RegExp]>([
  [
    'files',
    Array.from({ length: 4 }, () => part('x', { filename: 'a' })),
    /^TOO_MANY_IMAGES: The form holds more than 3 files/,
  ],
  [
    'bytes of a file',
    [part('x'.repeat(3001), { filename: 'a' })],
    /^PAYLOAD_TOO_LARGE: A file of the form is over the limit of 3000 bytes/,
  ],
  [
    'bytes of a file without a name',
    [part('x'.repeat(3001), { type: 'image/jpeg' })],
    /^PAYLOAD_TOO_LARGE/,
  ],
  [
    'fields',
    Array.from({ length: 17 }, (_, i) => part('x', { name: `f${i}` })),
    /^BAD_REQUEST: The form holds more than 16 fields/,
  ],
  [
    'text',
    [part('x'.repeat(70_000), { name: 'comment' })],
    /^BAD_REQUEST: The field "comment" of the form is over the limit of 65536 bytes for text/,
  ],
  [
    'text where a file is expected',
    [part('x'.repeat(70_000))],
    /^BAD_REQUEST: The field "image" of the form is text; send the file itself/,
  ],
  [
    'nesting',
    [part('x', { name: `a${'[b]'.repeat(17)}` })],
    /^BAD_REQUEST: The multipart form was/,
  ],
  ['elements', [part('x', { name: 'a[99999999]' })], /^BAD_REQUEST: The multipart form was/],
  [
    'files elsewhere',
    [part('x', { name: 'picture', filename: 'a' })],
    /^BAD_REQUEST: Unexpected file field "picture"/,
  ],
  ['bytes of a header', [part('x'), `--b\r\n${'X'.repeat(17_000)}`], /^BAD_REQUEST: .*16384 bytes/],
])('too many %s are refused before the form ends', async (_what, parts, error) => {
  // What comes next tells that a text is over.
  const body = bytes(parts.join('') + part('', { name: 'next' }));

  expect(await outcome([body], { ends: false })).toMatch(error);
  expect(await outcome(cutAt(body, [100, 1000, 2900]), { ends: false })).toMatch(error);
});

test('what comes counts in the budget, text beside the files as well', async () => {
  const text = form(part('x'.repeat(5000), { name: 'comment' }));

  expect(await outcome([text], { budget: 5000 })).toMatch(/^OVERLOADED/);
});

test('a field in several parts and notations is found where only text came', async () => {
  const body = form(part('', { name: 'images[0]' }), part('word', { name: 'images[1]' }));

  expect(await outcome([body])).toMatch(/its field "images" is text/);
});

test.each(['ima"ge', String.raw`im\age`, 'фото', 'a\tb', 'a[', '[', 'a%22b'])(
  'a text field may be called %j',
  async (name) => {
    const body = Buffer.concat([
      Buffer.from(part('word', { name: name.replace(/["\\]/g, '\\$&') })),
      form(part('file', { filename: 'a' })),
    ]);

    expect(await outcome([body])).toEqual(['file']);
  },
);
