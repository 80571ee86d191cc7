import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { Responses } from './responses.mjs';

/** For an answer that has to come. */
const ANSWER_MS = 30_000;
/** Without a byte, after which a client whose request may not be complete ends its side. */
const IDLE_MS = 250;
/** For a server to close a connection whose other side is closed. */
const CLOSE_MS = 10_000;
/** For a server to answer, or cut, a client that sends no more; its own limits are below. */
const STALL_MS = 15_000;
/** Answers more than were asked for would have come in that time. */
const SURPLUS_MS = 15;

/**
 * Sends the pieces of a case on a connection of its own and gathers what is answered.
 * @param ending `wait`: every request is complete and has to be answered; `idle`: as many as come are waited for, then
 *   our side is closed; `half-close`: it is closed after the last byte; `leave`: both sides are; `reset`: the
 *   connection is reset after the last byte; `stall`: nothing more is sent, until the server has enough of it
 */
export async function runCase(port, { pieces, requests, ending }) {
  const responses = new Responses(requests.map(({ method }) => method));
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  /** @type {{ closed: boolean, error: string | undefined, late: string | undefined, lastByteAt: number }} */
  const state = { closed: false, error: undefined, late: undefined, lastByteAt: 0 };
  /** @type {(value?: unknown) => void} */
  let wake = () => undefined;
  socket.on('data', (chunk) => {
    state.lastByteAt = performance.now();
    responses.push(chunk);
    wake();
  });
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      state.closed = true;
      wake();
    });
  }
  socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    state.error = error.code;
  });
  socket.on('drain', () => wake());
  socket.on('connect', () => wake());

  /** @returns whether it came to pass in time */
  const until = async (done, ms, idleMs = ms) => {
    const begun = performance.now();
    state.lastByteAt = begun;
    while (!done()) {
      const now = performance.now();
      const left = Math.min(begun + ms, state.lastByteAt + idleMs) - now;
      if (left <= 0) return false;
      const timer = setTimeout(() => wake(), left + 1);
      await new Promise((resolve) => (wake = resolve));
      clearTimeout(timer);
    }
    return true;
  };
  const closed = () => state.closed || responses.problem !== undefined;
  const answered = () => responses.finals.length >= requests.length || closed();

  await until(() => !socket.connecting || state.closed, ANSWER_MS);
  for (const { bytes, pauseMs } of pieces) {
    if (state.closed || socket.destroyed) break;
    if (!socket.write(bytes)) {
      const taken = () => socket.writableLength === 0 || state.closed;
      if (!(await until(taken, ANSWER_MS))) state.late = 'the request was not taken';
    }
    if (pauseMs > 0) await pause(pauseMs);
  }
  if (ending === 'wait') {
    if (!(await until(answered, ANSWER_MS))) state.late = 'no answer';
    else if (!state.closed) await pause(SURPLUS_MS);
  } else if (ending === 'idle') {
    await until(answered, ANSWER_MS, IDLE_MS);
  }
  if (ending === 'stall' && !(await until(answered, STALL_MS))) {
    state.late = 'a client that sends no more was neither answered nor cut';
  }
  if (ending === 'reset') {
    socket.resetAndDestroy();
  } else if (ending === 'idle' || ending === 'half-close') {
    if (!socket.destroyed) socket.end();
    if (!(await until(closed, CLOSE_MS))) state.late = 'the connection was not closed';
  }
  socket.destroy();
  const { finals, problem, rest } = responses;
  return { finals, problem, rest, ...state };
}
