/** What `npm run tune` tries. */
export interface TuneSettings {
  readonly instances: number;
  /** Threads of one TensorFlow operation; 0: as TensorFlow decides. */
  readonly threads: number;
  readonly maxBatchSize: number;
  readonly maxQueueDelayMs: number;
}

export interface TuneMachine {
  readonly device: 'cpu' | 'gpu';
  readonly cores: number;
  /** GPUs in use; 0 on the CPU. */
  readonly gpus: number;
  /** False for models that run one image at a time: batch sizes and delays change nothing. */
  readonly batchable: boolean;
}

/**
 * One setting at a time, the one that matters most first; the best of a step is where the next
 * starts. The whole grid would take an hour and find little more.
 */
export const TUNE_STEPS = ['workers', 'batch', 'delay'] as const;
export type TuneStep = (typeof TUNE_STEPS)[number];

const BATCHES = { cpu: [1, 2, 4, 8, 16], gpu: [8, 16, 32, 64, 128] } as const;
const DELAYS_MS = [0, 2, 5] as const;

/** What a step compares, `from` first. */
export function candidatesOf(
  step: TuneStep,
  from: TuneSettings,
  machine: TuneMachine,
): readonly TuneSettings[] {
  switch (step) {
    case 'workers':
      return distinct([from, ...workers(machine).map((some) => ({ ...from, ...some }))]);
    case 'batch':
      if (!machine.batchable) return [from];
      return distinct([
        from,
        ...BATCHES[machine.device].map((maxBatchSize) => ({ ...from, maxBatchSize })),
      ]);
    case 'delay':
      // Alone in its batch, an image has nobody to wait for.
      if (!machine.batchable || from.maxBatchSize === 1) return [from];
      return distinct([
        from,
        ...DELAYS_MS.map((maxQueueDelayMs) => ({ ...from, maxQueueDelayMs })),
      ]);
  }
}

/** On the CPU the product stays near the number of cores; more of either only takes turns. */
function workers({
  device,
  cores,
  gpus,
}: TuneMachine): readonly Pick<TuneSettings, 'instances' | 'threads'>[] {
  if (device === 'gpu') {
    return [gpus, 2 * gpus].map((instances) => ({ instances, threads: 0 }));
  }
  const counts = [1, Math.ceil(cores / 2), cores].filter((count) => count <= 16);
  return [
    ...counts.map((instances) => ({
      instances,
      threads: Math.max(1, Math.floor(cores / instances)),
    })),
    // Threads that idle while others prepare: sometimes better than an exact division.
    ...(cores > 1 ? [{ instances: Math.ceil(cores / 2), threads: cores }] : []),
  ];
}

function distinct(settings: readonly TuneSettings[]): readonly TuneSettings[] {
  const seen = new Set<string>();
  return settings.filter((candidate) => {
    const key = settingsKey(candidate);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Equal for equal settings, and short enough for a table. */
export function settingsKey(settings: TuneSettings): string {
  const { instances, threads, maxBatchSize, maxQueueDelayMs } = settings;
  return `${instances} × ${threads} threads, batch ${maxBatchSize}, delay ${maxQueueDelayMs} ms`;
}
