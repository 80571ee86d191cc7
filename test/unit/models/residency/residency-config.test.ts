import { residencyOf, residencySchema } from '../../../../src/models/residency/residency-config';

test.each([
  [undefined, { onDemand: false, idleMs: undefined }],
  ['always', { onDemand: false, idleMs: undefined }],
  ['onDemand', { onDemand: true, idleMs: undefined }],
  [{ idle: '90s' }, { onDemand: true, idleMs: 90_000 }],
  [{ idle: '10m' }, { onDemand: true, idleMs: 600_000 }],
  [{ idle: '2h' }, { onDemand: true, idleMs: 7_200_000 }],
])('%j', (written, meant) => {
  const residency = written === undefined ? undefined : residencySchema.parse(written);
  expect(residencyOf({ residency })).toEqual(meant);
});

test.each(['sometimes', { idle: '10' }, { idle: '0s' }, { idle: '-1m' }, { idle: 10 }, {}])(
  '%j is refused',
  (written) => {
    expect(residencySchema.safeParse(written).success).toBe(false);
  },
);
