import { CommanderError, type Command } from 'commander';

import { messageOf } from '../kernel/errors';
import { CliError, EXIT_CODES } from './exit-codes';

/** Where a command writes for a person. */
export interface CommandOutput {
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

const STOPPED_BY = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const;

/**
 * Runs a command to its end, and gives the process its exit code.
 * @param create the command, which calls what it is given with its options
 * @param act `signal` is aborted by Ctrl-C and by a request to end; nothing may be left behind then
 */
export async function runCommand<Options>(
  create: (act: (options: Options) => Promise<void>) => Command,
  act: (options: Options, output: CommandOutput, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    // Not once: npm passes on what the terminal has sent already, and that would end it half-way.
    process.on(name, () => {
      controller.abort(new CliError(STOPPED_BY[name], 'stopped; nothing was written'));
    });
  }
  const output: CommandOutput = {
    print: (line) => {
      console.log(line);
    },
    warn: (line) => {
      console.error(line);
    },
  };
  try {
    await create(async (options) => {
      await act(options, output, signal);
    })
      .exitOverride()
      .parseAsync();
  } catch (thrown) {
    // What was under way fails in its own way when it is stopped.
    process.exitCode = exitCodeOf(signal.aborted ? signal.reason : thrown);
  }
}

function exitCodeOf(error: unknown): number {
  // Commander has written what there is to say; help is not an error.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  }
  console.error(messageOf(error));
  return EXIT_CODES[error instanceof CliError ? error.reason : 'unexpected'];
}
