import util from 'node:util';

/** The published API. Node 23 dropped two functions that tfjs-node 4.22 calls in eager ops. */
export function loadTensorFlow(): typeof import('@tensorflow/tfjs-node-gpu') {
  const target = util as unknown as Record<string, unknown>;
  target.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  target.isArray ??= Array.isArray;
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- after the functions are back
  return require('@tensorflow/tfjs-node-gpu') as typeof import('@tensorflow/tfjs-node-gpu');
}
