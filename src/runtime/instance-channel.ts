import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';

import { compiledProgram } from '../process/compiled-program';
import type { FromInstance, InstanceStart, ToInstance } from './messages';

/** Characters of what a process wrote last that are kept to tell why it ended. */
const COMPLAINT_LENGTH = 2000;

/** What TensorFlow writes whenever it is loaded, whatever level of its log is asked for. */
const GREETING = /before absl::InitializeLog\(\)|oneDNN custom operations are on/;

/**
 * Information, warnings and errors of TensorFlow's log, in both of its forms. An error that matters
 * fails a run or a load, whose reason is told; what aborts the process has an F.
 */
const NOISE = /^(?:[\d-]+ [\d:.]+: [IWE] |[IWE]\d{4} [\d:. ]+\S+:\d+\])/;

export interface ChannelStart extends Omit<InstanceStart, 'lanes' | 'parent'> {
  /** File descriptors that the process inherits, as its lanes. */
  readonly lanes: readonly number[];
  /** Variables besides those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly signal: NodeJS.Signals | undefined;
  readonly exitCode: number | undefined;
  /** The last that it wrote to its standard error, or why it could not be started. */
  readonly complaint: string;
}

export interface ChannelEvents {
  onMessage(message: FromInstance): void;
  /** Called once, whatever ended the process. */
  onExit(end: ProcessEnd): void;
}

/** The line to the process of one instance. */
export interface InstanceChannel {
  /** Undefined when it could not be started. */
  readonly processId: number | undefined;
  post(message: ToInstance): void;
  /** Ends the process, whatever it does. */
  kill(): void;
}

export type OpenChannel = (start: ChannelStart, events: ChannelEvents) => InstanceChannel;

/** Descriptors below are standard input, output and error, and the line for messages. */
const FIRST_LANE = 4;

export const openChannel: OpenChannel = ({ env, lanes, ...start }, events) => {
  const message: InstanceStart = {
    ...start,
    parent: process.pid,
    lanes: lanes.map((_lane, index) => FIRST_LANE + index),
  };
  const child = fork(compiledProgram('runtime/instance-process'), [JSON.stringify(message)], {
    env: { ...process.env, ...env },
    // What the server was started with, such as a debugger's port, is not for its instances.
    execArgv: [],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc', ...lanes],
  });
  const verbose = { ...process.env, ...env }.TF_CPP_MIN_LOG_LEVEL === '0';
  let complaint = '';
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (GREETING.test(line)) return;
      if (verbose || !NOISE.test(line)) process.stderr.write(`${line}\n`);
      complaint = `${complaint}${line}\n`.slice(-COMPLAINT_LENGTH);
    });
  }
  let over = false;
  const end = (signal: NodeJS.Signals | null, code: number | null): void => {
    if (over) return;
    over = true;
    events.onExit({ signal: signal ?? undefined, exitCode: code ?? undefined, complaint });
  };
  child.on('message', (received) => {
    events.onMessage(received as FromInstance);
  });
  child.on('error', (error) => {
    complaint += error.message;
    // It was never started, or has lost its line; either way nothing can be said to it any more.
    if (child.pid === undefined) end(null, null);
    else child.kill('SIGKILL');
  });
  child.on('close', (code, signal) => {
    end(signal, code);
  });
  return {
    processId: child.pid,
    post: (sent) => {
      // A send to a process that has just ended fails; its end answers the run.
      if (child.connected) child.send(sent, () => undefined);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
};
