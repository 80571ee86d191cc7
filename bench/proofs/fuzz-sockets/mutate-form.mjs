const END = '--a-boundary--';
const START = '--a-boundary\r\n';
const field = `${START}Content-Disposition: form-data; name="f"\r\n\r\nv\r\n`;
const file = `${START}Content-Disposition: form-data; name="image"; filename="f"\r\n\r\nv\r\n`;

/** What is replaced in a form, and what by. */
const CHANGES = [
  [END, ''],
  [END, '--a-boundary'],
  [END, field.repeat(20) + END],
  [END, file.repeat(70) + END],
  [START, '--a-boundary'],
  [START, '--another\r\n'],
  [START, `\r\n\r\n${START}`],
  ['name="image"', 'name="__proto__"'],
  ['name="image"', 'name="image[0]"'],
  ['name="image"', 'name=""'],
  ['name="image"; ', ''],
  ['name="note"', `name="${'a'.repeat(2000)}"`],
  ['; filename="0.jpg"', ''],
  ['filename="0.jpg"', 'filename="../../etc/passwd"'],
  ['filename="0.jpg"', `filename="${'a'.repeat(20_000)}"`],
  ['filename="0.jpg"', "filename*=utf-8''%ff%00"],
  ['form-data;', 'attachment;'],
  ['form-data;', ''],
  ['\r\n\r\n', '\r\n'],
  ['\r\n\r\n', '\n\n'],
  ['\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n'],
  ['\r\n\r\n', `\r\nContent-Type: multipart/mixed; boundary=b\r\n${'X: y\r\n'.repeat(2500)}\r\n`],
  ['Content-Disposition', 'Content-\0Disposition'],
];

export function mutateForm(random, request) {
  const [old, replacement] = random.pick(CHANGES);
  const mutated = request.body.toString('latin1').replace(old, () => replacement);
  request.body = Buffer.from(mutated, 'latin1');
}
