import { open } from 'node:fs/promises';

import type { RangeReading } from './field-reader';

/** Bytes that are read at once: fields are mostly small and lie beside each other. */
const WINDOW = 64 * 1024;

/**
 * Drives a reading over a file, without blocking the thread for longer than a window takes.
 * @param begin given the size of the file
 */
export async function readRanges<T>(
  file: string,
  begin: (size: number) => RangeReading<T>,
): Promise<T> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const reading = begin(size);
    let window = new Uint8Array();
    let windowAt = 0;
    let step = reading.next();
    while (step.done !== true) {
      const { at, length } = step.value;
      if (at < windowAt || at + length > windowAt + window.length) {
        const bytes = new Uint8Array(Math.max(length, Math.min(WINDOW, size - at)));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
        window = bytes.subarray(0, bytesRead);
        windowAt = at;
      }
      step = reading.next(window.subarray(at - windowAt, at - windowAt + length));
    }
    return step.value;
  } finally {
    await handle.close();
  }
}
