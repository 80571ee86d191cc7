import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessUse {
  /** Milliseconds of CPU time since the start, user and system. */
  readonly cpuMs: number;
  /** Resident memory in bytes. Pages that several processes share count for each. */
  readonly rssBytes: number;
}

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** User and system, ended children that were waited for included. */
  readonly ticks: number;
}

/** USER_HZ, which Linux fixes for what it shows to programs. */
const TICKS_PER_S = 100;
const MS_PER_TICK = 1000 / TICKS_PER_S;

/** What a process, its group and everything they started have used, workers and threads included. */
export function useOfTree(root: number): ProcessUse {
  let ticks = 0;
  let rssBytes = 0;
  for (const stat of treeOf(root, allProcesses())) {
    ticks += stat.ticks;
    rssBytes += parseRss(read(`/proc/${String(stat.pid)}/status`));
  }
  return { cpuMs: ticks * MS_PER_TICK, rssBytes };
}

/** Processes of the tree that run now. */
export function pidsOfTree(root: number): readonly number[] {
  return treeOf(root, allProcesses()).map(({ pid }) => pid);
}

/** A supervisor may put its workers into groups of their own: descent counts as well as the group. */
export function treeOf(root: number, all: readonly ProcessStat[]): readonly ProcessStat[] {
  // 0 is the parent and group of what the kernel starts: everything would descend from it.
  if (root <= 1) return [];
  const members = new Set<number>([root]);
  for (;;) {
    const before = members.size;
    for (const { pid, parent, group } of all) {
      if (group === root || members.has(parent)) members.add(pid);
    }
    if (members.size === before) return all.filter(({ pid }) => members.has(pid));
  }
}

/** Milliseconds of CPU time of one process. @returns undefined once it has ended */
export function cpuOfProcess(pid: number): number | undefined {
  const stat = parseStat(read(`/proc/${String(pid)}/stat`));
  return stat === undefined ? undefined : stat.ticks * MS_PER_TICK;
}

/** Milliseconds that all cores together have worked since the machine started. */
export function cpuOfMachine(): number {
  return parseMachine(read('/proc/stat')) * MS_PER_TICK;
}

/** Ticks in the first line of /proc/stat that are neither idle nor waiting; stolen ones count. */
export function parseMachine(text: string): number {
  const [first = ''] = text.split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = first
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq + steal;
}

/** Reads a line of /proc/PID/stat; a program's name may hold spaces and brackets. */
export function parseStat(line: string): ProcessStat | undefined {
  const end = line.lastIndexOf(')');
  if (end < 0) return undefined;
  const fields = line
    .slice(end + 2)
    .split(' ')
    .map(Number);
  const [, parent = NaN, group = NaN] = fields;
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  const pid = Number.parseInt(line, 10);
  return Number.isFinite(ticks + parent + group) ? { pid, parent, group, ticks } : undefined;
}

/** Bytes of VmRSS in /proc/PID/status; 0 for a process that has just ended. */
export function parseRss(status: string): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return found === null ? 0 : Number(found[1]) * 1024;
}

function allProcesses(): readonly ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => parseStat(read(`/proc/${name}/stat`)) ?? []);
}

/** Empty when the process ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
