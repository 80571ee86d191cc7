#!/usr/bin/env node
// Nothing else is loaded here: a signal that came meanwhile would end the process.
import { messageOf } from './kernel/errors';
import { leaveProcess } from './process/leave-process';
import { onParentGone } from './process/parent-watch';
import { ProcessSignals } from './process/process-signals';

async function main(signals: ProcessSignals): Promise<void> {
  const { loadConfig } = await import('./config/load.js');
  const { packageVersion } = await import('./process/package-version.js');
  const { prepareProcess } = await import('./process/prepare-process.js');
  const config = loadConfig({ args: process.argv.slice(2), env: process.env }, packageVersion());
  await prepareProcess(config);
  // Not before: sharp starts the pool of threads when it is loaded.
  const { createService } = await import('./compose.js');
  const service = createService(config);
  const { logger } = service;
  signals.handOver({
    reload: () => {
      service.reload().catch((error: unknown) => {
        logger.error({ err: error }, 'the model repository cannot be read');
      });
    },
    stop: async (cause) => {
      if (cause.kind === 'error') logger.fatal({ err: cause.error }, 'unexpected error');
      else logger.info(cause, 'shutting down');
      const atTerminal = cause.kind === 'signal' && cause.signal === 'SIGINT';
      const finished = await service.stop({ delay: !atTerminal && cause.kind !== 'error' });
      logger.info({ finished }, 'stopped');
    },
    // The service has its own deadline; this one only catches a stop that hangs.
    stopTimeoutMs: config.drainDelayMs + config.drainTimeoutMs + 5000,
  });
  // npm passes SIGTERM on, but not what kills it.
  if (process.env.npm_lifecycle_event !== undefined) {
    onParentGone(() => {
      signals.stop({ kind: 'orphaned' });
    });
  }
  await service.start();
}

main(new ProcessSignals()).catch((error: unknown) => {
  // Before there is a logger, and for a person at a terminal: no stack for what they can mend.
  const cause =
    error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
  console.error(messageOf(error) + cause);
  leaveProcess(1);
});
