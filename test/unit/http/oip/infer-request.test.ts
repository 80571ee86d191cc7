import { readInferRequest, type InferRequest } from '../../../../src/http/oip/infer-request';

const INPUT = { name: 'x', shape: [1], datatype: 'FP32' };
const parse = (request: object): Promise<InferRequest> =>
  readInferRequest(Buffer.from(JSON.stringify(request)));

test('numbers among the parameters may be text, and unknown parameters are ignored', async () => {
  const { parameters, inputs } = await parse({
    inputs: [{ ...INPUT, parameters: { binary_data_size: 4, more: [1] } }],
    parameters: { timeout: '5', priority: false, mine: { deep: null } },
  });

  expect(parameters).toEqual({ timeout: 5, priority: 0, mine: { deep: null } });
  expect(inputs[0]?.parameters).toEqual({ binary_data_size: 4, more: [1] });
});

test('an empty list of inputs is one: there are signatures without inputs', async () => {
  await expect(parse({ inputs: [] })).resolves.toEqual({ inputs: [] });
});

test('null is what is left out, wherever something may be left out', async () => {
  const nothing = {
    id: null,
    parameters: null,
    outputs: null,
    inputs: [{ ...INPUT, parameters: null, data: null }],
  };
  const parameters = {
    inputs: [{ ...INPUT, parameters: { binary_data_size: null, shared_memory_region: null } }],
    outputs: [
      { name: 'y', parameters: null },
      { name: 'z', parameters: { binary_data: null, classification: null } },
    ],
    parameters: {
      timeout: null,
      priority: null,
      binary_data_output: null,
      signature_name: null,
      sequence_id: null,
    },
  };

  const { inputs, ...rest } = await parse(nothing);
  expect(rest).toEqual({});
  expect(inputs[0]?.data).toBeUndefined();
  expect(inputs[0]?.parameters).toBeUndefined();
  const read = await parse(parameters);
  expect(read.parameters?.timeout).toBeUndefined();
  expect(read.outputs?.map((output) => output.parameters?.classification)).toEqual([
    undefined,
    undefined,
  ]);
});

test.each([
  ['no inputs', {}, 'inputs'],
  ['no shape', { inputs: [{ ...INPUT, shape: undefined }] }, 'inputs.0.shape'],
  ['a shape beyond numbers', { inputs: [{ ...INPUT, shape: [1e300] }] }, 'inputs.0.shape.0'],
  ['a type that is none', { inputs: [{ ...INPUT, datatype: 'FP8' }] }, 'inputs.0.datatype'],
  ['a timeout that is none', { inputs: [INPUT], parameters: { timeout: 'soon' } }, 'timeout'],
  [
    'an output that is named twice',
    { inputs: [INPUT], outputs: [{ name: 'y' }, { name: 'z' }, { name: 'y' }] },
    'output "y" is asked for twice',
  ],
  ['a sequence', { inputs: [INPUT], parameters: { sequence_id: 7 } }, 'sequence_id'],
])('%s is refused by name', async (_what, request, name) => {
  await expect(parse(request)).rejects.toEqual(
    expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringContaining(name) }),
  );
});

test.each(['inputs', 'outputs'])(
  'a thousand %s too many are refused before they are looked at',
  async (key) => {
    const request = { inputs: [INPUT], [key]: Array.from({ length: 2000 }, () => ({})) };

    await expect(parse(request)).rejects.toThrow(
      new RegExp(`${key} has 2000 items; 1024 are allowed`),
    );
  },
);
