import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A card, or a slice of one (MIG). */
export interface Gpu {
  /** Its number in the order of the bus, as nvidia-smi counts; undefined for a slice. */
  readonly index: string | undefined;
  /** What CUDA_VISIBLE_DEVICES names it by: `GPU-…`, `MIG-…`, or the index where there is no more. */
  readonly id: string;
  readonly name: string;
  /** Undefined where the driver does not say, as for slices. */
  readonly memoryMib: number | undefined;
}

const TIMEOUT_MS = 10_000;

/** `GPU 0: NVIDIA A100 (UUID: GPU-5c89852c-…)`, and below it its slices. */
const CARD = /^GPU (\d+): .*\(UUID: (GPU-[\w-]+)\)/;
/** `  MIG 3g.20gb     Device  0: (UUID: MIG-5be0d5e1-…)` */
const SLICE = /^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[\w-]+)\)/;

/** The GPUs of this machine; slices stand in the place of a card that is cut into them. */
export function listGpus(run: (args: readonly string[]) => string = nvidiaSmi): Gpu[] {
  try {
    const cards = readCards(
      run(['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits']),
    );
    const slices = cards.length === 0 ? new Map<string, Gpu[]>() : readSlices(run(['-L']));
    return cards.flatMap((card) => slices.get(card.id) ?? [card]);
  } catch {
    // A container may have the driver without the tool.
    return existsSync('/dev/nvidia0')
      ? [{ index: '0', id: '0', name: 'NVIDIA GPU', memoryMib: undefined }]
      : [];
  }
}

/** Whether an NVIDIA driver is loaded. */
export function hasGpuDriver(): boolean {
  return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');
}

/**
 * @param id index or id as CUDA_VISIBLE_DEVICES takes it, which may be the beginning of a UUID
 * @returns one of whom nothing else is known when it is not among them
 */
export function findGpu(gpus: readonly Gpu[], id: string): Gpu {
  return (
    gpus.find((gpu) => gpu.index === id || gpu.id === id) ??
    gpus.find((gpu) => /^(GPU|MIG)-/.test(id) && gpu.id.startsWith(id)) ?? {
      index: /^\d+$/.test(id) ? id : undefined,
      id,
      name: id,
      memoryMib: undefined,
    }
  );
}

function nvidiaSmi(args: readonly string[]): string {
  return execFileSync('nvidia-smi', args, {
    encoding: 'utf8',
    env: process.env,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function readCards(table: string): Gpu[] {
  return table
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .flatMap(([index = '', uuid = '', name = '', memory = '']) => {
      // Lines that are none, such as a warning of the tool.
      if (!/^\d+$/.test(index)) return [];
      const memoryMib = Number.parseInt(memory, 10);
      return [
        {
          index,
          id: uuid.startsWith('GPU-') ? uuid : index,
          name,
          memoryMib: Number.isNaN(memoryMib) ? undefined : memoryMib,
        },
      ];
    });
}

/** Slices by the id of their card. */
function readSlices(list: string): Map<string, Gpu[]> {
  const slices = new Map<string, Gpu[]>();
  let card = '';
  for (const line of list.split('\n')) {
    card = CARD.exec(line)?.[2] ?? card;
    const [, profile, id] = SLICE.exec(line) ?? [];
    if (profile === undefined || id === undefined) continue;
    const slice = { index: undefined, id, name: `MIG ${profile}`, memoryMib: undefined };
    slices.set(card, [...(slices.get(card) ?? []), slice]);
  }
  return slices;
}
