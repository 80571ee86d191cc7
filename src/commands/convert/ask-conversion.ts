import { CliError } from '../exit-codes';
import { messageOf } from '../../kernel/errors';
import { askProcess } from '../../process/ask-process';
import type { Int8Report } from './int8/int8-report';
import type { Int8Answer, Int8Task } from './int8/int8-process';
import type { ConversionAnswer, ConversionTask } from './precision/conversion-process';
import type { Conversion } from './precision/convert-model';
import type { MemoryAnswer, MemoryTask } from './precision/memory-process';

/**
 * Converts in a process of its own, on the CPU, whose sums are exact enough to check the rewrite by.
 * @throws CliError engineFailed with the reason why the model cannot be converted
 */
export async function convert(task: ConversionTask, signal: AbortSignal): Promise<Conversion> {
  const answer = await askProcess<ConversionAnswer>(
    'commands/convert/precision/conversion-process',
    task,
    {
      onCpu: true,
      signal,
    },
  ).catch((cause: unknown) => {
    throw new CliError('engineFailed', `the conversion failed: ${messageOf(cause)}`, { cause });
  });
  if (answer.kind === 'converted') return answer.conversion;
  throw new CliError('engineFailed', `the model cannot be converted: ${answer.reason}`);
}

/**
 * Converts to 8 bits in a process of its own: many models are loaded for it, and it is timed as an instance
 * would run.
 * @throws CliError engineFailed with the reason why the model cannot be converted
 */
export async function convertTo8Bits(task: Int8Task, signal: AbortSignal): Promise<Int8Report> {
  const answer = await askProcess<Int8Answer>('commands/convert/int8/int8-process', task, {
    onCpu: true,
    signal,
  }).catch((cause: unknown) => {
    throw new CliError('engineFailed', `the conversion failed: ${messageOf(cause)}`, { cause });
  });
  if (answer.kind === 'converted') return answer.conversion;
  throw new CliError('engineFailed', `the model cannot be converted: ${answer.reason}`);
}

/** @returns null when it cannot be measured: the report goes without */
export async function memoryOf(task: MemoryTask, signal: AbortSignal): Promise<number | null> {
  try {
    const answer = await askProcess<MemoryAnswer>(
      'commands/convert/precision/memory-process',
      task,
      {
        signal,
      },
    );
    return answer.kind === 'measured' ? answer.bytes : null;
  } catch {
    return null;
  }
}
