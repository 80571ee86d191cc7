import { totalmem } from 'node:os';

/** Bytes that this process and its children may use: the limit of its cgroup, else the machine's memory. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  const machine = totalmem();
  return constrained > 0 ? Math.min(constrained, machine) : machine;
}
