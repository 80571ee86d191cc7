/** The process that converts one model to 8 bits and ends: see rewrite-process.ts. */
import { configureSharp } from '../../../imaging/sharp-settings';
import { messageOf } from '../../../kernel/errors';
import { answerTask } from '../../../process/ask-process';
import { TfjsBackend } from '../../../runtime/tfjs-backend';
import type { ConvertOptions } from '../command';
import { readPhotos, type Photo } from '../photos';
import { findSubject } from '../subject';
import { convertInt8 } from './convert-int8';
import type { Int8Report } from './int8-report';

export interface Int8Task {
  readonly subject: Pick<ConvertOptions, 'model' | 'modelRepository' | 'version'>;
  readonly folders: { readonly float32: string; readonly converted: string };
  readonly images: string;
  /** Names in that folder, of photos to calibrate on. */
  readonly files: readonly string[];
  readonly maxLoss: number | undefined;
  readonly rounds: number;
}

export type Int8Answer =
  | { readonly kind: 'converted'; readonly conversion: Int8Report }
  | { readonly kind: 'failed'; readonly reason: string };

async function answer(task: Int8Task): Promise<Int8Answer> {
  try {
    configureSharp({ concurrency: 1 });
    const subject = await findSubject(task.subject);
    // Before TensorFlow is loaded: what is timed has as many threads as an instance has.
    Object.assign(process.env, subject.placement.env);
    const { image } = subject.spec;
    if (image === undefined) throw new Error('it takes no image to calibrate on');
    const photos: Photo[] = [];
    for await (const photo of readPhotos(task.images, task.files, {
      limits: subject.config,
      image,
      limit: undefined,
      // Named by the comparison already.
      onSkipped: () => undefined,
    })) {
      photos.push(photo);
    }
    if (photos.length === 0) throw new Error(`no image in ${task.images} can be read`);
    const conversion = await convertInt8(subject, new TfjsBackend(), {
      ...task,
      photos,
      abort: new AbortController().signal,
    });
    return { kind: 'converted', conversion };
  } catch (thrown) {
    return { kind: 'failed', reason: messageOf(thrown) };
  }
}

answerTask(answer);
