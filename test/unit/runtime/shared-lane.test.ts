import { fstatSync, readdirSync, readlinkSync } from 'node:fs';

import type { Tensor } from '../../../src/kernel/tensor';
import { SharedLane } from '../../../src/runtime/shared-lane';
import { copyOf, fromWire, toWire } from '../../../src/runtime/wire-tensor';
import { floats, strings } from '../../support/tensors';

const MIB = 1024 * 1024;
const lanes: SharedLane[] = [];

function laneOf(): SharedLane {
  const lane = SharedLane.create('a test');
  lanes.push(lane);
  return lane;
}

afterEach(() => {
  for (const lane of lanes.splice(0)) lane.close();
});

/** Bytes of memory behind a descriptor. */
function bytesBehind(descriptor: number): number {
  return 512 * fstatSync(descriptor).blocks;
}

test('what one side writes the other side reads, however often the lane has grown', () => {
  const lane = laneOf();
  const other = SharedLane.attach(lane.descriptor, lane.capacity);
  const parts = [10, 300_000, 5_000_000].map((bytes, index) =>
    lane.allocate(bytes).fill(index + 1),
  );

  for (const [index, part] of parts.entries()) {
    const offset = lane.offsetOf(part) ?? -1;
    const seen = other.view(offset, part.byteLength, lane.capacity);
    expect([seen[0], seen.at(-1)]).toEqual([index + 1, index + 1]);
  }
});

test('everything begins where TensorFlow wants it', () => {
  const lane = laneOf();

  expect([1, 100, 64, 3].map((bytes) => lane.allocate(bytes).byteOffset)).toEqual([
    0, 64, 192, 256,
  ]);
});

test('memory that is not of the lane is told apart', () => {
  const lane = laneOf();

  expect(lane.offsetOf(new Uint8Array(8))).toBeUndefined();
  expect(laneOf().offsetOf(lane.allocate(8))).toBeUndefined();
});

test('what only a large run needed is given back, what small ones need is kept', () => {
  const lane = laneOf();
  lane.allocate(100 * MIB).fill(1);
  expect(bytesBehind(lane.descriptor)).toBeGreaterThanOrEqual(100 * MIB);

  lane.shrink();

  expect(bytesBehind(lane.descriptor)).toBeLessThanOrEqual(16 * MIB);
  lane.reset();
  expect(lane.allocate(1)[0]).toBe(1);
});

test('a lane that is closed leaves nothing: no memory, no descriptor, no name', () => {
  const lane = SharedLane.create('a closed one');
  const view = lane.allocate(1 * MIB).fill(1);
  lane.close();

  expect(view[0]).toBe(0);
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  expect(open.filter((target) => target.includes('a closed one'))).toEqual([]);
  expect(readdirSync('/dev/shm').filter((name) => name.includes('closed'))).toEqual([]);
});

test.each<Tensor>([
  floats('x', [2, 2], [1, 2, 3, 4]),
  { name: 'x', dtype: 'int64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 60n) },
  { name: 'x', dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: 'x', dtype: 'complex64', shape: [1], data: Float32Array.of(1, -1) },
  { name: 'x', dtype: 'string', shape: [3], data: strings('a', '', 'über') },
  floats('x', [0, 4], []),
])('a tensor of $dtype crosses, and stays when the lane is used again', (tensor) => {
  const lane = laneOf();
  const other = SharedLane.attach(lane.descriptor, lane.capacity);
  const wire = toWire(tensor, lane);
  // As it goes through the pipe.
  const sent = JSON.parse(JSON.stringify(wire)) as typeof wire;

  const received = fromWire(sent, other, lane.capacity);
  expect(received).toEqual(tensor);
  const kept = copyOf(received);
  lane.reset();
  lane.allocate(1000).fill(255);

  expect(kept).toEqual(tensor);
});
