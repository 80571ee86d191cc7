import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { typeAttr } from '../../../src/rewriter/graph/attributes';
import { DataType } from '../../../src/saved-model/protobuf/tensorflow_pb';
import { decodedInputs } from '../../../src/saved-model/decoded-inputs';
import { writeFileClassifier, writeInputModel } from '../../support/input-models';
import { removeFolder } from '../../support/service';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'decoded-inputs-'));
});
afterEach(() => removeFolder(folder));

const version = (): string => path.join(folder, '1');

test.each([
  ['DecodeJpeg', ['jpeg', 'png']],
  ['DecodePng', ['jpeg', 'png']],
  ['DecodeImage', ['jpeg', 'png', 'bmp']],
] as const)('%s is found behind the input, and what it reads', async (decoder, formats) => {
  await writeFileClassifier(folder, decoder, [-1]);

  expect(await decodedInputs(version(), ['image_bytes:0'])).toEqual(
    new Map([['image_bytes:0', formats]]),
  );
});

test('strings that are read as something else first, or not as pictures, are not files', async () => {
  const text = { dtype: DataType.DT_STRING, shape: [-1] };
  await writeInputModel(
    folder,
    { encoded: text, plain: text },
    (graph) => {
      graph.add('decoded', 'DecodeBase64', ['encoded']);
      graph.add('picture', 'DecodeJpeg', ['decoded']);
      graph.add('same', 'Identity', ['plain'], { T: typeAttr(DataType.DT_STRING) });
    },
    { same: text },
  );

  expect(await decodedInputs(version(), ['encoded:0', 'plain:0'])).toEqual(new Map());
});
