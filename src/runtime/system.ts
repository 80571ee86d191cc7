import path from 'node:path';

import { requireRuntime } from './runtime-install';

/** What set-up compiles of scripts/setup/native/system.cc. It does not load TensorFlow. */
export interface System {
  /** Anonymous memory, as a file descriptor; it is gone with the last process that has it. */
  createMemory(name: string): number;
  /** Memory is taken when it is written to. */
  setSize(descriptor: number, bytes: number): void;
  map(descriptor: number, bytes: number): ArrayBuffer;
  /** Frees the memory there, which reads as zeros afterwards. */
  giveBack(descriptor: number, from: number, bytes: number): void;
  /** Kills this process when the one that started it ends, however it ends. */
  dieWithParent(): void;
  /** Allocations of this process beyond fail. */
  limitData(bytes: number): void;
  /**
   * What the library of NVIDIA's driver says. It starts CUDA: only for processes that end then.
   * @returns CUDA's error code (0: none) and the CUDA version that the driver supports, ×1000 and ×10;
   *   or why the library cannot be loaded
   */
  cudaDriver(): CudaDriverAnswer;
  /** Gives what the C library keeps of freed memory back to the operating system. */
  trimMemory(): void;
}

export type CudaDriverAnswer =
  | { readonly code: number; readonly version?: number; readonly missing?: undefined }
  | { readonly missing: string };

let loaded: System | undefined;

/** @throws Error when set-up has not run */
export function system(): System {
  loaded ??= nativeModule('system.node') as System;
  return loaded;
}

/**
 * A module that set-up compiled, by its full name, so that it finds the libraries beside it.
 * @throws Error when set-up has not run
 */
export function nativeModule(name: string): unknown {
  const { cachePath } = requireRuntime();
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a native module, loaded late
  return require(path.join(cachePath, 'binding', name));
}
