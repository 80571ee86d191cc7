import { availableParallelism } from 'node:os';

import { cpuOfMachine, useOfTree, type ProcessUse } from './process-tree';

/** What a contender used while it was measured, and what everything else on the machine did. */
export class UsageWatch {
  readonly #group: number;
  readonly #before: ProcessUse;
  readonly #machineBefore = cpuOfMachine();
  readonly #ownBefore = process.cpuUsage();
  readonly #began = performance.now();

  constructor(group: number) {
    this.#group = group;
    this.#before = useOfTree(group);
  }

  end(loadCpuMs: number): ProcessUse & { readonly othersShare: number } {
    const { cpuMs, rssBytes } = useOfTree(this.#group);
    const own = process.cpuUsage(this.#ownBefore);
    const used = cpuMs - this.#before.cpuMs;
    const others =
      cpuOfMachine() - this.#machineBefore - used - loadCpuMs - (own.user + own.system) / 1000;
    const available = (performance.now() - this.#began) * availableParallelism();
    return { cpuMs: used, rssBytes, othersShare: Math.max(0, others / available) };
  }
}
