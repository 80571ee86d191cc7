import pino, { type Logger, type LoggerOptions } from 'pino';

import { consoleStream } from './console-stream';

export type { Logger };

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * How lines look: JSON for programs; `pretty`, each of them coloured, for whoever looks for a fault;
 * `console`, what a person at a terminal wants to know.
 */
export type LogLook = 'json' | 'pretty' | 'console';

/**
 * @param format as configured
 * @param isTTY whether a person is watching
 */
export function logLook(
  format: 'auto' | 'json' | 'pretty',
  level: LogLevel,
  isTTY: boolean,
): LogLook {
  if (format !== 'auto') return format;
  if (!isTTY) return 'json';
  return level === 'debug' || level === 'trace' ? 'pretty' : 'console';
}

/** @param to standard output or standard error @default 'stdout' */
export function createLogger(
  level: LogLevel,
  look: LogLook,
  to: 'stdout' | 'stderr' = 'stdout',
): Logger {
  const destination = to === 'stdout' ? 1 : 2;
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    ...(look === 'pretty'
      ? {
          transport: {
            target: 'pino-pretty',
            options: { translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname', destination },
          },
        }
      : {}),
  };
  if (look === 'pretty') return pino(options);
  return pino(
    options,
    look === 'console' ? consoleStream(process[to]) : pino.destination(destination),
  );
}
