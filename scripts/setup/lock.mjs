import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { onInterrupt } from './cleanup.mjs';
import { systemCode } from './errors.mjs';

const HEARTBEAT_MS = 2000;
/** A holder without a heartbeat for this long is gone (machine off, container stopped). */
const STALE_MS = 30_000;
const POLL_MS = 300;

/**
 * What a lock file says, and when it was last touched.
 * @typedef {{ text: string, mtimeMs: number, pid?: number, space?: string }} Holder
 */

/** Process ids are unique only within one machine and pid namespace: this names both. */
function pidSpace() {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Hidden by some sandboxes: the host name alone has to do.
  }
  return `${hostname()} ${namespace}`;
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, under another user.
    return systemCode(error) === 'EPERM';
  }
}

/**
 * @param {string} file
 * @returns {Holder | undefined} undefined when the lock was released in the meantime
 */
function readHolder(file) {
  try {
    const { mtimeMs } = statSync(file);
    const text = readFileSync(file, 'utf8');
    return { text, mtimeMs, ...JSON.parse(text) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    // Created but not yet written, or cut short by a full disk: only its age counts.
    if (error instanceof SyntaxError) return { text: '', mtimeMs: statSync(file).mtimeMs };
    throw error;
  }
}

/** @param {Holder} holder */
function isStale(holder) {
  if (Date.now() - holder.mtimeMs > STALE_MS) return true;
  return holder.pid !== undefined && holder.space === pidSpace() && !isRunning(holder.pid);
}

/**
 * Moves the stale lock away. Of several waiters that try, one succeeds; the others look again.
 * @param {string} file
 * @param {Holder} holder as it was when it was found stale
 */
function removeStale(file, holder) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  const taken = readHolder(aside);
  // Another waiter replaced the stale lock between our look and our rename: put theirs back.
  if (taken !== undefined && taken.text !== holder.text) renameSync(aside, file);
  else rmSync(aside, { force: true });
}

/**
 * @param {string} file
 * @param {string} text
 */
function tryCreate(file, text) {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Runs `work` while holding the lock file; waits for another holder, and takes over from one that
 * died.
 * @template T
 * @param {string} file
 * @param {(pid: number | undefined) => void} onWait called once if another process holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>} the result of `work`
 */
export async function withLock(file, onWait, work) {
  mkdirSync(path.dirname(file), { recursive: true });
  const text = JSON.stringify({ pid: process.pid, space: pidSpace(), token: randomUUID() });
  let waited = false;
  while (!tryCreate(file, text)) {
    const holder = readHolder(file);
    if (holder === undefined) continue;
    if (isStale(holder)) {
      removeStale(file, holder);
      continue;
    }
    if (!waited) onWait(holder.pid);
    waited = true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const release = () => rmSync(file, { force: true });
  const forget = onInterrupt(release);
  const heartbeat = setInterval(() => {
    try {
      utimesSync(file, new Date(), new Date());
    } catch {
      // Removed by hand: the atomic rename at the end still keeps the cache whole.
    }
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    forget();
    release();
  }
}
