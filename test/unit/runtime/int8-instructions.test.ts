import { int8Instructions } from '../../../src/runtime/int8-instructions';

test.each([
  ['flags\t\t: fpu avx512f avx512_vnni amx_int8\nbugs : none', ['AVX-512 VNNI', 'AMX-INT8']],
  ['processor : 0\nflags : sse avx2 avx_vnni', ['AVX-VNNI']],
  // A part of a name is not the flag.
  ['flags : avx512_vnni2', []],
  ['Features : asimd asimddp', []],
  ['', []],
])('%j has %j', (cpuinfo, expected) => {
  expect(int8Instructions(cpuinfo)).toEqual(expected);
});
