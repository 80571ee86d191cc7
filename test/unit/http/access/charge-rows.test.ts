import { rowsOf } from '../../../../src/http/access/charge-rows';
import type { Tensor } from '../../../../src/kernel/tensor';

type Given = Pick<Tensor, 'name' | 'dtype' | 'shape'>;

function target(
  shape: readonly number[] | undefined,
  imageInput?: string,
): Parameters<typeof rowsOf>[0] {
  const spec = { name: 'x', dtype: 'float32', tfDtype: 'DT_FLOAT', shape, node: 'x:0' } as const;
  return { signature: { inputs: [spec], outputs: [] } as never, imageInput };
}

test.each<[string, Parameters<typeof rowsOf>[0], Given, number]>([
  ['rows of a batch', target([-1, 4]), { name: 'x', dtype: 'float32', shape: [7, 4] }, 7],
  [
    'a tensor of one fixed size',
    target([224, 224, 3]),
    { name: 'x', dtype: 'float32', shape: [224, 224, 3] },
    1,
  ],
  ['a tensor of unknown rank', target(undefined), { name: 'x', dtype: 'float32', shape: [9] }, 1],
  ['encoded images', target([-1, 224, 224, 3], 'x'), { name: 'x', dtype: 'string', shape: [5] }, 5],
  ['no row', target([-1, 4]), { name: 'x', dtype: 'float32', shape: [0, 4] }, 1],
])('%s', (_what, of, tensor, rows) => {
  expect(rowsOf(of, [tensor])).toBe(rows);
});
