/**
 * The process that owns one loaded SavedModel. It runs what it is told, one message after the other;
 * TensorFlow blocks it meanwhile. What goes wrong here ends this process and nothing else.
 */
import { messageOf } from '../kernel/errors';
import { tensorFlowCodeOf } from '../kernel/run-failed-error';
import { processMemory, resetPeak, setOutOfMemoryScore } from '../process/process-memory';
import { lowerInferencePriority } from '../process/thread-priority';
import type { LoadedModel } from './backend';
import type { FromInstance, InstanceStart, ToInstance } from './messages';
import { SharedLane } from './shared-lane';
import { system } from './system';
import { TfjsBackend } from './tfjs-backend';
import { fromWire } from './wire-tensor';

/** Of 1000: this process before the one that speaks HTTP. */
const TAKEN_FIRST = 500;
/** A run that took more leaves freed memory that is worth giving back. */
const WORTH_TRIMMING = 64 * 1024 * 1024;

type RunMessage = Extract<ToInstance, { kind: 'run' }>;

function send(message: FromInstance): void {
  process.send?.(message);
}

/** What a run took at its peak; undefined when that cannot be told. */
function measuring(wanted: boolean): () => number | undefined {
  if (!wanted) return () => undefined;
  resetPeak();
  const before = processMemory('self');
  return () => {
    const after = processMemory('self');
    return before === undefined || after === undefined
      ? undefined
      : Math.max(0, after.peak - before.resident);
  };
}

function run(model: LoadedModel, lane: SharedLane, message: RunMessage): void {
  const { id, signature, capacity, used } = message;
  const inputs = message.inputs.map((input) => fromWire(input, lane, capacity));
  const peak = measuring(message.measure);
  let peakBytes: number | undefined;
  try {
    // Outputs lie behind the inputs, which TensorFlow may answer with.
    lane.reset(used);
    const { outputs, inferMs } = model.runInto(signature, inputs, message.outputs, lane);
    peakBytes = peak();
    send({ kind: 'result', id, capacity: lane.capacity, outputs, inferMs, peakBytes });
  } catch (thrown) {
    peakBytes = peak();
    const code = tensorFlowCodeOf(thrown);
    send({ kind: 'run-failed', id, message: messageOf(thrown), code, peakBytes });
  }
  if ((peakBytes ?? 0) > WORTH_TRIMMING) system().trimMemory();
}

/** Allocations beyond fail, which TensorFlow reports; without, the kernel would kill. */
function limitMemory(maxBytes: number): void {
  const memory = processMemory('self');
  if (memory === undefined) return;
  system().limitData(memory.data + Math.max(0, maxBytes - memory.resident));
}

function start({ directory, parent, background, lanes: descriptors }: InstanceStart): void {
  const started = performance.now();
  system().dieWithParent();
  // It may have ended before that.
  if (process.ppid !== parent || !process.connected) process.exit(0);
  setOutOfMemoryScore(TAKEN_FIRST);
  // Before TensorFlow starts its threads: they take it over.
  if (background) lowerInferencePriority();
  let backend: TfjsBackend;
  let model: LoadedModel;
  try {
    backend = new TfjsBackend();
    model = backend.loadModel(directory);
  } catch (thrown) {
    send({ kind: 'load-failed', message: messageOf(thrown) });
    return;
  }
  const lanes = new Map<number, SharedLane>();
  send({
    kind: 'ready',
    device: backend.device,
    tensorflowVersion: backend.tensorflowVersion,
    loadMs: performance.now() - started,
  });
  process.on('message', (message: ToInstance) => {
    switch (message.kind) {
      case 'run': {
        const descriptor = descriptors[message.lane] ?? -1;
        const lane = lanes.get(message.lane) ?? SharedLane.attach(descriptor, message.capacity);
        lanes.set(message.lane, lane);
        run(model, lane, message);
        return;
      }
      case 'settle':
        system().trimMemory();
        if (message.maxBytes !== undefined) limitMemory(message.maxBytes);
        send({ kind: 'settled', residentBytes: processMemory('self')?.resident });
        return;
      case 'close':
        // Nothing has to be disposed of: the memory goes with the process.
        process.exit(0);
    }
  });
  process.on('disconnect', () => {
    process.exit(0);
  });
}

start(JSON.parse(process.argv[2] ?? '{}') as InstanceStart);
