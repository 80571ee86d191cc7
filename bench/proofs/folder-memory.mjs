// Shows that scoring a folder takes no more memory for many files than for few: links to a few
// tiny pictures are scored in-process, and the resident memory is recorded as rows appear. Reads the
// build: npm run build first.
//   node bench/proofs/folder-memory.mjs [--files 100000] [--model span-x2]
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import sharp from 'sharp';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PICTURES = 4;
const LINKS_PER_FOLDER = 1000;
/** Rows after which memory is recorded. */
const MARKS = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
/** Room for growth by design: 16 bytes for each path, kept in tables that double. */
const ALLOWED_GROWTH = 1.25;

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    model: { type: 'string', default: 'span-x2' },
  },
});
const files = Number(values.files);
const folder = await mkdtemp(path.join(tmpdir(), 'folder-memory-'));
try {
  await makeLinks(path.join(folder, 'photos'), path.join(folder, 'pictures'));
  const { samples, peakMiB } = await scoreAndWatch();
  console.table(samples);
  // The peak, not the last sample: the program gives memory back as it ends, which would hide growth.
  const growth = peakMiB / (samples[0]?.rssMiB ?? NaN);
  console.log(
    `${files} files: peak after the first ${MARKS[0]} ${peakMiB} MiB, ` +
      `${growth.toFixed(3)} of that at ${MARKS[0]} (at most ${ALLOWED_GROWTH})`,
  );
  if (!(growth <= ALLOWED_GROWTH)) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/**
 * @param {string} photos folder for the links
 * @param {string} pictures folder for the files that they lead to
 */
async function makeLinks(photos, pictures) {
  await mkdir(pictures, { recursive: true });
  for (let n = 0; n < PICTURES; n++) {
    const background = { r: 60 * n, g: 90, b: 200 - 40 * n };
    await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toFile(path.join(pictures, `${n}.png`));
  }
  for (let n = 0; n < files; n++) {
    const part = path.join(photos, String(Math.floor(n / LINKS_PER_FOLDER)));
    if (n % LINKS_PER_FOLDER === 0) await mkdir(part, { recursive: true });
    await symlink(path.join(pictures, `${n % PICTURES}.png`), path.join(part, `${n}.png`));
  }
}

/** @typedef {{ rows: number, rssMiB: number, seconds: number }} Sample */

/** Runs the scorer; samples at MARKS and at the end, and the peak after the first of them. */
async function scoreAndWatch() {
  const output = path.join(folder, 'rows.jsonl');
  const args = ['photos', '--model', values.model, '--output', output];
  args.push('--out-dir', path.join(folder, 'out'), '--quiet');
  const child = spawn(process.execPath, [path.join(ROOT, 'dist/commands/score/main.js'), ...args], {
    cwd: folder,
    env: { ...process.env, TFJS_SERVING_MODEL_REPOSITORY: path.join(ROOT, 'saved_models') },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const count = rowCounter(output);
  const marks = MARKS.filter((mark) => mark < files);
  /** @type {Sample[]} */
  const samples = [];
  /** @type {Sample | undefined} */
  let latest;
  let peakMiB = 0;
  const started = performance.now();
  for (;;) {
    const over = await Promise.race([ended, new Promise((go) => setTimeout(go, 200, 'go on'))]);
    const rows = await count();
    const rss = await residentMiB(child.pid);
    if (rss !== undefined) {
      latest = { rows, rssMiB: rss, seconds: Math.round((performance.now() - started) / 1000) };
    }
    if (latest !== undefined && rows >= (marks[0] ?? Infinity)) {
      while (rows >= (marks[0] ?? Infinity)) marks.shift();
      samples.push(latest);
      console.error(JSON.stringify(latest));
    }
    if (samples.length > 0) peakMiB = Math.max(peakMiB, latest?.rssMiB ?? 0);
    if (over === 'go on') continue;
    if (over !== 0) throw new Error(`the scorer ended with ${over}`);
    if (rows !== files) throw new Error(`${rows} rows for ${files} files`);
    if (latest !== undefined) samples.push(latest);
    return { samples, peakMiB };
  }
}

/**
 * Counts the lines that a growing file has so far, reading each byte once.
 * @param {string} file
 */
function rowCounter(file) {
  const chunk = Buffer.alloc(1 << 20);
  let offset = 0;
  let rows = 0;
  return async () => {
    const handle = await open(file).catch(() => undefined);
    if (handle === undefined) return rows;
    try {
      for (;;) {
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset);
        if (bytesRead === 0) return rows;
        offset += bytesRead;
        for (let at = 0; at < bytesRead; at++) if (chunk[at] === 10) rows += 1;
      }
    } finally {
      await handle.close();
    }
  };
}

/**
 * Resident memory of a process, including threads and native memory; undefined once it has ended.
 * @param {number | undefined} pid
 */
async function residentMiB(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? [];
  return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
}
