import { sizeOfFiles } from '../../rewriter/model-hash';

const MIB = 1024 * 1024;
/** A process with TensorFlow and a small model, as measured: 41 to 58 MiB. */
const PROCESS_BYTES = 64 * MIB;
/** Weights, and what runs take beside them. */
const FILES_FACTOR = 1.5;

/**
 * Bytes of memory that a model is taken to need before it has been loaded once: those of its files half
 * as much again, and a process, for each instance.
 */
export async function estimateNeed(directory: string, instances: number): Promise<number> {
  const files = await sizeOfFiles(directory).catch(() => 0);
  return Math.round(instances * (PROCESS_BYTES + FILES_FACTOR * files));
}
