import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface GpuInfo {
  readonly name: string;
  readonly driver: string;
  readonly memoryMib: number;
  readonly pcieGeneration: string;
  readonly pcieWidth: string;
}

/** Means over the samples taken; memory is the largest seen. */
export interface GpuUse {
  readonly samples: number;
  /** Share of the time in which a kernel ran, 0 to 100. */
  readonly utilisation: number;
  readonly memoryMib: number;
  readonly powerW: number;
}

const INFO = 'name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max';
const USE = 'utilization.gpu,memory.used,power.draw';
const EVERY_MS = 100;

/** The first GPU that is used. @returns undefined where nvidia-smi does not answer */
export async function gpuInfo(index: string): Promise<GpuInfo | undefined> {
  try {
    const { stdout } = await execute('nvidia-smi', [
      `--id=${index}`,
      `--query-gpu=${INFO}`,
      '--format=csv,noheader,nounits',
    ]);
    return parseGpuInfo(stdout);
  } catch {
    return undefined;
  }
}

export function parseGpuInfo(text: string): GpuInfo | undefined {
  const [line = ''] = text.trim().split('\n');
  const [name, driver, memory, pcieGeneration, pcieWidth] = line
    .split(',')
    .map((part) => part.trim());
  if (name === undefined || driver === undefined || memory === undefined) return undefined;
  return {
    name,
    driver,
    memoryMib: Number(memory),
    pcieGeneration: pcieGeneration ?? '?',
    pcieWidth: pcieWidth ?? '?',
  };
}

/** Lines of nvidia-smi; what a GPU does not report (`[N/A]`) is left out of the means. */
export function parseGpuUse(text: string): GpuUse {
  const rows = text
    .split('\n')
    .filter((line) => line.includes(','))
    .map((line) => line.split(',').map(Number));
  const column = (index: number): number[] =>
    rows.map((row) => row[index] ?? NaN).filter((value) => Number.isFinite(value));
  const mean = (values: readonly number[]): number =>
    values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
  const memory = column(1);
  return {
    samples: rows.length,
    utilisation: mean(column(0)),
    memoryMib: memory.length === 0 ? NaN : Math.max(...memory),
    powerW: mean(column(2)),
  };
}

/** Watches a GPU until it is stopped. */
export class GpuWatch {
  readonly #child: ChildProcess;
  #text = '';

  constructor(index: string) {
    this.#child = spawn(
      'nvidia-smi',
      [
        `--id=${index}`,
        `--query-gpu=${USE}`,
        '--format=csv,noheader,nounits',
        `--loop-ms=${String(EVERY_MS)}`,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    // Without nvidia-smi there are no samples; the figures then have gaps.
    this.#child.on('error', () => undefined);
  }

  async stop(): Promise<GpuUse> {
    // Before the end: what it has written must be read.
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    this.#child.kill();
    return parseGpuUse(this.#text);
  }
}
