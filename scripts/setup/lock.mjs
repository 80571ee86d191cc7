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

const HEARTBEAT_MS = 2000;
/** Without a heartbeat for this long the holder is gone (machine off, other container stopped). */
const STALE_MS = 30_000;
const POLL_MS = 300;

/** Process ids mean something only inside one machine's one pid namespace. */
function pidSpace() {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Hidden by some sandboxes: the host name alone must do.
  }
  return `${hostname()} ${namespace}`;
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, under another user.
    return error.code === 'EPERM';
  }
}

/** The holder's record, or undefined when the lock was released meanwhile. */
function readHolder(file) {
  try {
    const { mtimeMs } = statSync(file);
    const text = readFileSync(file, 'utf8');
    return { text, mtimeMs, ...JSON.parse(text) };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    // Created but not yet written, or cut short by a full disk: only its age counts.
    if (error instanceof SyntaxError) return { text: '', mtimeMs: statSync(file).mtimeMs };
    throw error;
  }
}

function isStale(holder) {
  if (Date.now() - holder.mtimeMs > STALE_MS) return true;
  return holder.space === pidSpace() && !isRunning(holder.pid);
}

/** Moves the stale lock away. Of several waiters that try, one succeeds; the others look again. */
function removeStale(file, holder) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  const taken = readHolder(aside);
  // Somebody else replaced the stale lock between our look and our rename: give theirs back.
  if (taken !== undefined && taken.text !== holder.text) renameSync(aside, file);
  else rmSync(aside, { force: true });
}

function tryCreate(file, text) {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Runs `work` while holding the lock file; waits for another holder, and takes over from one that
 * died. `onWait` is called once if there is a wait.
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
