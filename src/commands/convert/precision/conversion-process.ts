/** The process that converts one model and ends: see rewrite-process.ts. */
import { messageOf } from '../../../kernel/errors';
import { TfjsBackend } from '../../../runtime/tfjs-backend';
import { answerTask } from '../../../process/ask-process';
import { convertModel, type Conversion } from './convert-model';
import type { SimplePrecision } from './precision';

export interface ConversionTask {
  readonly source: string;
  readonly folders: { readonly float32: string; readonly converted: string };
  readonly precision: SimplePrecision;
}

export type ConversionAnswer =
  | { readonly kind: 'converted'; readonly conversion: Conversion }
  | { readonly kind: 'failed'; readonly reason: string };

async function answer(task: ConversionTask): Promise<ConversionAnswer> {
  const { source, folders, precision } = task;
  try {
    const conversion = await convertModel(source, folders, precision, () => new TfjsBackend());
    return { kind: 'converted', conversion };
  } catch (thrown) {
    return { kind: 'failed', reason: messageOf(thrown) };
  }
}

answerTask(answer);
