import path from 'node:path';

import { outputOperations } from '../../../src/saved-model/output-operations';

const MODELS = path.resolve(__dirname, '../../fixtures/models');

test.each([
  ['keras_network', 'StatefulPartitionedCall:0', 'Softmax'],
  ['half_plus_two', 'StatefulPartitionedCall:0', 'AddV2'],
  ['examples', 'concat:0', 'ConcatV2'],
])('what makes the output of %s is found behind its calls', async (model, tensor, operation) => {
  const found = await outputOperations(path.join(MODELS, model, '1'), [tensor]);

  expect(found).toEqual(new Map([[tensor, operation]]));
});

test('of a tensor that is not there nothing is told', async () => {
  const found = await outputOperations(path.join(MODELS, 'half_plus_two/1'), ['nothing:0']);

  expect(found).toEqual(new Map());
});
