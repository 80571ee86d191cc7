import { parseInferRequest } from '../../../../src/http/oip/infer-request';

const INPUT = { name: 'x', shape: [1], datatype: 'FP32' };
const parse = (request: object): ReturnType<typeof parseInferRequest> =>
  parseInferRequest(Buffer.from(JSON.stringify(request)));

test('numbers among the parameters may be text, and unknown parameters are passed over', () => {
  const { parameters, inputs } = parse({
    inputs: [{ ...INPUT, parameters: { binary_data_size: 4, more: [1] } }],
    parameters: { timeout: '5', priority: false, mine: { deep: null } },
  });

  expect(parameters).toEqual({ timeout: 5, priority: 0, mine: { deep: null } });
  expect(inputs[0]?.parameters).toEqual({ binary_data_size: 4, more: [1] });
});

test.each([
  ['no inputs', { inputs: [] }, 'inputs'],
  ['no shape', { inputs: [{ ...INPUT, shape: undefined }] }, 'inputs.0.shape'],
  ['a shape beyond numbers', { inputs: [{ ...INPUT, shape: [1e300] }] }, 'inputs.0.shape.0'],
  ['a type that is none', { inputs: [{ ...INPUT, datatype: 'FP8' }] }, 'inputs.0.datatype'],
  ['a timeout that is none', { inputs: [INPUT], parameters: { timeout: 'soon' } }, 'timeout'],
  ['a sequence', { inputs: [INPUT], parameters: { sequence_id: 7 } }, 'sequence_id'],
])('%s is refused by name', (_what, request, name) => {
  expect(() => parse(request)).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringContaining(name) }),
  );
});
