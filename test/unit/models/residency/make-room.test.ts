import { makeRoom } from '../../../../src/models/residency/make-room';

const A = { bytes: 30, lastUsedAt: 3 };
const B = { bytes: 20, lastUsedAt: 1 };
const C = { bytes: 10, lastUsedAt: 2 };
const QUESTION = { limit: 100, needed: 25, staying: 10, busy: 0, evictable: [A, B, C] };

test.each([
  ['is there', {}, { kind: 'there' }],
  ['is there to the last byte', { needed: 30 }, { kind: 'there' }],
  ['is made by the one unused the longest', { needed: 31 }, { kind: 'evict', models: [B] }],
  ['is made by as many as are needed', { needed: 51 }, { kind: 'evict', models: [B, C] }],
  ['is made by all', { needed: 90 }, { kind: 'evict', models: [B, C, A] }],
  ['can never be made beside what stays', { needed: 91 }, { kind: 'never', available: 90 }],
  ['will be there when others have ended', { busy: 40, needed: 60 }, { kind: 'later' }],
  ['counts what is being loaded', { busy: 30 }, { kind: 'evict', models: [B, C] }],
  [
    'can never be made where what stays is over the limit',
    { staying: 120 },
    { kind: 'never', available: 0 },
  ],
])('room %s', (_what, changes, expected) => {
  expect(makeRoom({ ...QUESTION, ...changes })).toEqual(expected);
});
