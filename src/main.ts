#!/usr/bin/env node
import closeWithGrace from 'close-with-grace';

import { loadConfig } from './config/load';
import { messageOf } from './kernel/errors';
import { packageVersion } from './process/package-version';
import { prepareProcess } from './process/prepare-process';

async function main(): Promise<void> {
  const config = loadConfig({ args: process.argv.slice(2), env: process.env }, packageVersion());
  await prepareProcess(config);
  // Not before: sharp starts the pool of threads when it is loaded.
  const { startService } = await import('./compose.js');
  const service = await startService(config);
  process.on('SIGHUP', () => {
    service.reload().catch((error: unknown) => {
      service.logger.error({ err: error }, 'the model repository cannot be read');
    });
  });
  // The service has its own deadline; this one only catches a stop that hangs.
  const delay = config.drainDelayMs + config.drainTimeoutMs + 5000;
  // SIGHUP is taken: it looks for new models.
  closeWithGrace({ delay, logger: false, skip: ['SIGHUP'] }, async ({ signal, err }) => {
    if (err !== undefined) service.logger.fatal({ err }, 'unexpected error');
    else service.logger.info({ signal }, 'shutting down');
    const finished = await service.stop();
    service.logger.info({ finished }, 'stopped');
  });
}

main().catch((error: unknown) => {
  // Before there is a logger, and for a person at a terminal: no stack for what they can mend.
  const cause =
    error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
  console.error(messageOf(error) + cause);
  process.exitCode = 1;
});
