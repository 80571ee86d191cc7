import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { cudaFault } from '../../src/runtime/cuda-driver';
import { removeFolder } from '../support/service';

/** A library in the place of the driver's answers as it is told; the rest is the real way to it. */
const FAKE = `#include <stdlib.h>
int cuInit(unsigned flags) {
  if (getenv("FAKE_CUDA_CRASH")) abort();
  return atoi(getenv("FAKE_CUDA_CODE"));
}
int cuDriverGetVersion(int *version) { *version = atoi(getenv("FAKE_CUDA_VERSION")); return 0; }
`;

const { LD_LIBRARY_PATH } = process.env;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cuda-driver-'));
  const source = path.join(folder, 'fake.c');
  await writeFile(source, FAKE);
  const library = path.join(folder, 'libcuda.so.1');
  execFileSync('g++', ['-x', 'c', '-shared', '-fPIC', source, '-o', library]);
});
afterEach(() => {
  delete process.env.FAKE_CUDA_CODE;
  delete process.env.FAKE_CUDA_VERSION;
  delete process.env.FAKE_CUDA_CRASH;
  delete process.env.LD_LIBRARY_PATH;
  if (LD_LIBRARY_PATH !== undefined) process.env.LD_LIBRARY_PATH = LD_LIBRARY_PATH;
});
afterAll(() => removeFolder(folder));

function answers(code: number, version = 12_040): void {
  process.env.LD_LIBRARY_PATH = folder;
  process.env.FAKE_CUDA_CODE = String(code);
  process.env.FAKE_CUDA_VERSION = String(version);
}

test('a driver that can be used has no fault', () => {
  answers(0);

  expect(cudaFault()).toBeUndefined();
});

test.each<[number, RegExp]>([
  [100, /CUDA_ERROR_NO_DEVICE.*CUDA_VISIBLE_DEVICES.*--gpus all/],
  [803, /CUDA_ERROR_SYSTEM_DRIVER_MISMATCH.*restart/],
  [999, /CUDA_ERROR_UNKNOWN.*nvidia_uvm/],
  [35, /CUDA_ERROR_INSUFFICIENT_DRIVER.*update the NVIDIA driver/],
  [777, /its error code is 777/],
])('the code %i is told with what helps', (code, reason) => {
  answers(code);

  expect(cudaFault()).toMatch(reason);
});

test('a driver of an older CUDA is named', () => {
  answers(0, 11_080);

  expect(cudaFault()).toBe(
    'the NVIDIA driver supports CUDA 11.8, and TensorFlow needs 12; update the driver',
  );
});

test('a driver that crashes takes nothing else down', () => {
  answers(0);
  process.env.FAKE_CUDA_CRASH = '1';

  expect(cudaFault()).toMatch(/^the NVIDIA driver does not answer: /);
});

test('a library that cannot be loaded is told in the words of the linker', () => {
  // A machine that has a driver has no such fault.
  const fault = cudaFault(() => ({ missing: 'libcuda.so.1: cannot open shared object file' }));

  expect(fault).toMatch(/cannot be loaded: libcuda\.so\.1.*--gpus all$/);
});
