import { LabelsFileError, readLabelsFile } from './labels-file';
import { summaryLines } from './summary-lines';
import { writeReport, type ReportOptions } from './write-report';
import { messageOf } from '../../../kernel/errors';
import { CliError, type ExitReason } from '../../exit-codes';
import { readRows, type RowFormat } from '../rows/read-rows';
import { listenForStop } from '../run/stop-signals';

export interface ReportRun extends Omit<ReportOptions, 'rows' | 'signal' | 'onProgress'> {
  readonly results: string;
  /** As the name of the file says where it is undefined. */
  readonly format?: RowFormat | undefined;
  readonly say: (text: string) => void;
}

/** @throws CliError usage naming every line that cannot be used */
export async function checkLabelsFile(file: string): Promise<void> {
  try {
    await readLabelsFile(file);
  } catch (thrown) {
    throw asCliError(thrown, '');
  }
}

/**
 * Writes the report of a result file. Ctrl-C ends it at once, and an earlier page stays as it was.
 * @throws CliError usage for a labels file that cannot be used, reportFailed for everything else
 */
export async function reportRun({
  results,
  format,
  say,
  ...options
}: ReportRun): Promise<ExitReason> {
  const signals = listenForStop(() => {
    say('Stopping: the report is not written.');
  });
  let last = performance.now();
  try {
    const summary = await writeReport({
      ...options,
      rows: () => readRows(results, format),
      signal: signals.stop,
      onProgress: ({ phase, done, total }) => {
        if (performance.now() - last < 10_000) return;
        last = performance.now();
        say(`Report: ${done}${total === undefined ? '' : ` of ${total}`} ${phase}`);
      },
    });
    say(summaryLines(summary).join('\n'));
    return 'done';
  } catch (thrown) {
    const signal = signals.received();
    if (signal !== undefined) return signal === 'SIGTERM' ? 'terminated' : 'interrupted';
    throw asCliError(
      thrown,
      `The report ${options.target} cannot be written; ${results} is not touched. To try again: ` +
        `tfjs-serving report ${results} --out ${options.target}\n`,
    );
  } finally {
    signals.unlisten();
  }
}

function asCliError(thrown: unknown, before: string): CliError {
  return thrown instanceof LabelsFileError
    ? new CliError('usage', thrown.message, { cause: thrown })
    : new CliError('reportFailed', `${before}${messageOf(thrown)}`, { cause: thrown });
}
