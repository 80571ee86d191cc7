import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { z } from 'zod';

import type { TrialResult } from './choose';
import { runLoad, type LoadOptions } from './load';
import { withSettings } from './model-json';
import type { TuneSettings } from './settings';

export interface TrialOptions {
  /** Folder of the model: versions, labels, model.json. */
  readonly directory: string;
  readonly name: string;
  /** Text of its model.json; undefined when there is none. */
  readonly modelJson: string | undefined;
  readonly task: 'classify' | 'generate';
  readonly load: Omit<LoadOptions, 'url'>;
  /** Most milliseconds from start to ready. */
  readonly startTimeoutMs: number;
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

const logLine = z.looseObject({ msg: z.string(), url: z.string().optional() });
const STOP_GRACE_MS = 5000;

/**
 * Starts the server as a user would, on a copy of the repository that holds this model alone with
 * the settings in its model.json, and measures it. The model's own folder is only read.
 * @throws Error when the server does not become ready
 */
export async function runTrial(
  options: TrialOptions,
  settings: TuneSettings,
): Promise<TrialResult> {
  const repository = await mkdtemp(path.join(tmpdir(), 'tfjs-serving-tune-'));
  try {
    await linkModel(repository, options, settings);
    const server = await startServer(repository, options.startTimeoutMs);
    try {
      const url = `${server.url}/models/${encodeURIComponent(options.name)}/${options.task}`;
      return await runLoad({ ...options.load, url });
    } finally {
      await server.stop();
    }
  } finally {
    await rm(repository, { recursive: true, force: true });
  }
}

/** Versions are linked; what stands beside them is copied, as labels must not lie outside the repository. */
async function linkModel(
  repository: string,
  { directory, name, modelJson }: TrialOptions,
  settings: TuneSettings,
): Promise<void> {
  const folder = path.join(repository, name);
  await mkdir(folder);
  for (const entry of await readdir(directory)) {
    if (entry === 'model.json' || entry.startsWith('.')) continue;
    const [from, to] = [path.resolve(directory, entry), path.join(folder, entry)];
    if (/^\d+$/.test(entry)) await symlink(from, to);
    else await cp(from, to, { recursive: true, dereference: true });
  }
  await writeFile(path.join(folder, 'model.json'), withSettings(modelJson, settings));
}

/** The compiled server: two folders up when built, in dist/ when run from TypeScript sources. */
function serverFile(): string {
  const beside = path.resolve(__dirname, '../../main.js');
  return existsSync(beside) ? beside : path.resolve(__dirname, '../../../dist/main.js');
}

async function startServer(repository: string, startTimeoutMs: number): Promise<Server> {
  const child = spawn(
    process.execPath,
    [
      serverFile(),
      ...['--model-repository', repository, '--host', '127.0.0.1', '--port', '0'],
      ...['--log-format', 'json', '--log-level', 'info'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    // As at a terminal: no load balancer has to notice.
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    await exited;
    clearTimeout(timer);
  };
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  try {
    const base = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the server was not ready after ${startTimeoutMs} ms`));
      }, startTimeoutMs);
      const end = (act: () => void): void => {
        clearTimeout(timer);
        act();
      };
      let listening: string | undefined;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const entry = parseLine(line);
        if (entry?.msg === 'listening') listening = entry.url;
        if (entry?.msg === 'model not loaded' || entry?.msg === 'model cannot be served') {
          end(() => {
            reject(new Error(line));
          });
        }
        if (entry?.msg === 'serving' && listening !== undefined) {
          const url = listening;
          end(() => {
            resolve(url);
          });
        }
      });
      void exited.then(() => {
        end(() => {
          reject(new Error(`the server ended: ${complaint.trim().slice(-500)}`));
        });
      });
    });
    return { url: base, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function parseLine(line: string): z.infer<typeof logLine> | undefined {
  try {
    return logLine.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
