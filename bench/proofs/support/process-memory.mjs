import { readdirSync, readFileSync } from 'node:fs';

/**
 * Memory of a process and of everything it started, in bytes. `rss` counts pages that processes share once for each.
 * `own` is what is anonymous or shared memory, each page divided among those that share it: the rest is files, which
 * other programs may have in memory too, so that it changes with them.
 */
export function treeMemory(pid) {
  let rss = 0;
  let own = 0;
  for (const member of processTree(pid)) {
    const rollup = read(`/proc/${member}/smaps_rollup`);
    rss += kib(rollup, /^Rss:\s+(\d+) kB/m);
    own += kib(rollup, /^Pss_Anon:\s+(\d+) kB/m) + kib(rollup, /^Pss_Shmem:\s+(\d+) kB/m);
  }
  return { rss: rss * 1024, own: own * 1024 };
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

function kib(text, pattern) {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

/** A process may end while it is looked at. */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
