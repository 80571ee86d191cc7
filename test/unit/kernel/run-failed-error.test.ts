import {
  RunFailedError,
  tensorFlowCodeOf,
  type TensorFlowCode,
} from '../../../src/kernel/run-failed-error';

test.each([
  ['3', 'INVALID_ARGUMENT'],
  ['8', 'RESOURCE_EXHAUSTED'],
  ['12', 'UNIMPLEMENTED'],
  ['16', 'UNAUTHENTICATED'],
  ['99', undefined],
  ['ENOENT', undefined],
])('the number %s of the binding is %s', (code, name) => {
  expect(tensorFlowCodeOf(Object.assign(new Error('no'), { code }))).toBe(name);
});

test.each([undefined, null, 'text', new Error('without a code')])('%p has no code', (thrown) => {
  expect(tensorFlowCodeOf(thrown)).toBeUndefined();
});

test.each<[TensorFlowCode | undefined, string, boolean]>([
  ['RESOURCE_EXHAUSTED', 'no room', true],
  ['INTERNAL', 'Failed to allocate scratch space', true],
  [undefined, 'Array buffer allocation failed: out of memory', true],
  ['INTERNAL', 'no such kernel', false],
  // It repeats what the client sent.
  ['INVALID_ARGUMENT', 'Feature: OOM (data type: float) is required', false],
])('%s with "%s" is a lack of memory: %p', (code, message, expected) => {
  expect(new RunFailedError(message, code).outOfMemory).toBe(expected);
});

test.each([
  ['Incompatible shapes: [1] vs. [2]\n\t [[{{node add}}]]', 'Incompatible shapes: [1] vs. [2]'],
  [
    '2 root error(s) found.\n  (0) INVALID_ARGUMENT: no match\n\t [[{{node a}}]]\n  (1) CANCELLED: gone',
    'no match',
  ],
  ['1 root error(s) found.\n  (0) no code', 'no code'],
  ['', ''],
])('%j comes down to "%s"', (message, reason) => {
  expect(new RunFailedError(message, 'INVALID_ARGUMENT').reason).toBe(reason);
});
