import type { z } from 'zod';

import { ConfigError } from '../config/load';
import { configSchema, type Config } from '../config/schema';
import type { ModelHooks } from '../inference/model-hooks';
import type { Logger } from '../telemetry/logger';

/** Options of the server that say where and how it listens: here the program around it does. */
type ListeningOption =
  | 'host'
  | 'port'
  | 'adminPort'
  | 'requestTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'drainDelayMs'
  | 'logFormat';

/** Options of the server, as docs/configuration.md has them, and what only a library has. */
export interface ServingOptions extends Omit<z.input<typeof configSchema>, ListeningOption> {
  /** Code of yours, by the name of the model. */
  readonly hooks?: Readonly<Record<string, ModelHooks>> | undefined;
  /**
   * Milliseconds that a hook may take.
   * @default 30000
   */
  readonly hookTimeoutMs?: number | undefined;
  /**
   * A pino logger of yours.
   * @default JSON lines of `logLevel` (here `warn` by default) on standard error
   */
  readonly logger?: Logger | undefined;
}

/** Environment variables are the server's: a library is told what to do by its caller alone. */
export function configOf({
  hooks: _hooks,
  hookTimeoutMs: _hookTimeoutMs,
  logger: _logger,
  ...options
}: ServingOptions): Config {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const parsed = configSchema.safeParse({ logLevel: 'warn', ...given, drainDelayMs: 0 });
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown option ${issue.keys.map((key) => `"${key}"`).join(', ')}`
        : `${issue.path.join('.')}: ${issue.message}`,
    ),
  );
}
