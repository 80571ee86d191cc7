import { readdirSync, readFileSync } from 'node:fs';

/**
 * Memory of a process and of everything it started, in bytes. `rss` counts shared pages once for each process,
 * `pss` divides them among those that share them.
 */
export function treeMemory(pid) {
  let rss = 0;
  let pss = 0;
  for (const member of processTree(pid)) {
    rss += kib(`/proc/${member}/status`, /^VmRSS:\s+(\d+) kB/m);
    pss += kib(`/proc/${member}/smaps_rollup`, /^Pss:\s+(\d+) kB/m);
  }
  return { rss: rss * 1024, pss: pss * 1024 };
}

/** A process and its descendants. */
function processTree(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The name in parentheses may hold anything; the parent is the second field after it.
    const stat = read(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isInteger(parent)) parents.set(Number(name), parent);
  }
  const tree = [pid];
  for (const member of tree) {
    for (const [child, parent] of parents) if (parent === member) tree.push(child);
  }
  return tree;
}

/** Connections to a port of this machine that the server has not closed. */
export function openConnections(port) {
  const ESTABLISHED = '01';
  const CLOSE_WAIT = '08';
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return read('/proc/net/tcp')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, address, , state]) =>
        address?.endsWith(local) && (state === ESTABLISHED || state === CLOSE_WAIT),
    ).length;
}

function kib(file, pattern) {
  return Number(pattern.exec(read(file))?.[1] ?? 0);
}

/** A process may end while it is looked at. */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
