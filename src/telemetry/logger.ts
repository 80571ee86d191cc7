import pino, { type Logger, type LoggerOptions } from 'pino';

export type { Logger };

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * JSON lines; coloured text when a person is watching.
 * @param to standard output or standard error @default 'stdout'
 */
export function createLogger(
  level: LogLevel,
  pretty: boolean,
  to: 'stdout' | 'stderr' = 'stdout',
): Logger {
  const destination = to === 'stdout' ? 1 : 2;
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    ...(pretty
      ? {
          transport: {
            target: 'pino-pretty',
            options: { translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname', destination },
          },
        }
      : {}),
  };
  return pretty ? pino(options) : pino(options, pino.destination(destination));
}
