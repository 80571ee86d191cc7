import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';

import type { FromWorker, ToWorker, WorkerStart } from './messages';
import { compiledProgram } from '../process/compiled-program';
import { messageOf } from '../kernel/errors';

/** Where an instance lives. */
export type Placement =
  /** A thread of this process: buffers move without a copy; the device is the process's. */
  | {
      readonly kind: 'thread';
      /** Gives way to other threads: right where TensorFlow computes on the cores they need. */
      readonly background: boolean;
    }
  /**
   * A process of its own: TensorFlow chooses its device per process, so instances on several GPUs
   * need one each. Tensors are copied over a pipe.
   */
  | { readonly kind: 'process'; readonly visibleDevice: string };

export interface ChannelEvents {
  onMessage(message: FromWorker): void;
  /** Called once, whatever ended the worker. */
  onExit(reason: string): void;
}

/** The line to one worker, whichever kind it is. */
export interface InstanceChannel {
  /** `transfer`: buffers that move instead of being copied; unusable here afterwards. */
  post(message: ToWorker, transfer: ArrayBuffer[]): void;
  /** Ends the worker without waiting for what it does. */
  kill(): void;
}

export function openChannel(
  placement: Placement,
  start: Omit<WorkerStart, 'background'>,
  events: ChannelEvents,
): InstanceChannel {
  return placement.kind === 'thread'
    ? openThread({ ...start, background: placement.background }, events)
    : openProcess(placement.visibleDevice, { ...start, background: false }, events);
}

function openThread(start: WorkerStart, events: ChannelEvents): InstanceChannel {
  const worker = new Worker(compiledProgram('runtime/worker'), { workerData: start });
  let failure: string | undefined;
  worker.on('message', (message: FromWorker) => {
    events.onMessage(message);
  });
  worker.on('error', (error: unknown) => {
    failure = messageOf(error);
  });
  worker.on('exit', (code) => {
    events.onExit(failure ?? `the worker thread exited with code ${code}`);
  });
  return {
    post: (message, transfer) => {
      worker.postMessage(message, transfer);
    },
    kill: () => {
      // Does not interrupt native code: a hung run ends first. The caller no longer cares.
      void worker.terminate();
    },
  };
}

function openProcess(
  visibleDevice: string,
  start: WorkerStart,
  events: ChannelEvents,
): InstanceChannel {
  const child = fork(compiledProgram('runtime/worker'), [JSON.stringify(start)], {
    serialization: 'advanced',
    env: { ...process.env, CUDA_VISIBLE_DEVICES: visibleDevice },
  });
  let ended = false;
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    events.onExit(reason);
  };
  child.on('message', (message: FromWorker) => {
    events.onMessage(message);
  });
  child.on('error', (error) => {
    end(error.message);
  });
  child.on('exit', (code, signal) => {
    end(`the worker process ended with ${signal ?? `code ${String(code)}`}`);
  });
  return {
    post: (message) => {
      // A send to a process that has just died fails; its exit event answers the run.
      if (child.connected) child.send(message, () => undefined);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
