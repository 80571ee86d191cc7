import { cpus } from 'node:os';

import { CliError } from '../exit-codes';
import { messageOf } from '../../kernel/errors';
import type { LoadedModel } from '../../runtime/backend';
import { int8Instructions } from '../../runtime/int8-instructions';
import { TfjsBackend } from '../../runtime/tfjs-backend';
import type { Tensor } from '../../kernel/tensor';
import type { ConvertOptions } from './command';
import { comparePhotos, compareSignatures } from './compare-models';
import { memoryOf } from './ask-conversion';
import { UnusableOutputError } from './difference-meter';
import { batchOf, examplesOf, keepRows, type ImageFiles } from './examples';
import { measureSpeed, type Speed } from './measure-speed';
import type { ConversionReport } from './report';
import type { Subject } from './subject';

/** What the report says of the two models side by side. */
export type Measurements = Pick<ConversionReport, 'runtime' | 'speed' | 'memory' | 'comparison'>;

export interface MeasureOptions extends Pick<ConvertOptions, 'rounds'> {
  readonly images: ImageFiles | undefined;
  readonly abort: AbortSignal;
  readonly onSkipped: (file: string, reason: string) => void;
}

/** A model as it is, its float32 graph as the server runs it, and the converted one. */
interface Models {
  readonly original: LoadedModel;
  readonly float32: LoadedModel;
  readonly converted: LoadedModel;
}

const BATCHES = [1, 4, 8];

/**
 * Runs the models on the device that the server would use.
 * @throws CliError usage: no readable image; engineFailed: the converted model is of no use
 */
export async function measure(
  subject: Subject,
  folders: { readonly float32: string; readonly converted: string },
  options: MeasureOptions,
): Promise<Measurements> {
  const { placement, spec, directory } = subject;
  // TensorFlow is loaded in this process and the one that measures memory, which take it from here.
  Object.assign(process.env, placement.env);
  const threads = process.env.TF_NUM_INTRAOP_THREADS;
  const memory = (folder: string): Promise<number | null> =>
    memoryOf({ directory: folder, signature: spec.signatureName }, options.abort);
  // Before TensorFlow is loaded here, which may take all of a GPU.
  const [float32Bytes, convertedBytes] = [
    await memory(folders.float32),
    await memory(folders.converted),
  ];
  const backend = new TfjsBackend();
  const loaded: LoadedModel[] = [];
  const load = (folder: string): LoadedModel => {
    const model = backend.loadModel(folder);
    loaded.push(model);
    return model;
  };
  try {
    const models = {
      original: load(directory),
      float32: load(folders.float32),
      converted: load(folders.converted),
    };
    return {
      runtime: {
        tensorflow: backend.tensorflowVersion,
        device: backend.device,
        intraOpThreads: threads === undefined ? null : Number(threads),
        node: process.version,
        processor: cpus()[0]?.model ?? '',
        int8Instructions: int8Instructions(),
      },
      memory: { float32: float32Bytes, converted: convertedBytes },
      ...(await compare(subject, models, options)),
    };
  } catch (thrown) {
    if (thrown instanceof CliError) throw thrown;
    const what =
      thrown instanceof UnusableOutputError
        ? 'the converted model is of no use'
        : 'the two models cannot be compared';
    throw new CliError('engineFailed', `${what}: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    for (const model of loaded) model.dispose();
  }
}

async function compare(
  { spec, config }: Subject,
  models: Models,
  { images, rounds, abort, onSkipped }: MeasureOptions,
): Promise<Pick<Measurements, 'speed' | 'comparison'>> {
  const signatures = compareSignatures(models);
  const skipped: { readonly file: string; readonly reason: string }[] = [];
  const photos = examplesOf(spec, models.original, images, {
    limit: undefined,
    limits: config,
    onSkipped: (file, reason) => {
      skipped.push({ file, reason });
      onSkipped(file, reason);
    },
  });
  const rows: (readonly Tensor[])[] = [];
  const kept = keepRows(photos, rows, Math.max(...BATCHES));
  const comparison = await comparePhotos(models, spec, kept, abort);
  if (comparison.count === 0) {
    throw new CliError('usage', `none of the images in ${images?.folder ?? ''} can be used`);
  }
  const speed: Speed[] = [];
  for (const batch of spec.batchable ? BATCHES : [1]) {
    speed.push(
      await measureSpeed(models.float32, models.converted, batchOf(spec, rows, batch), {
        signature: spec.signatureName,
        outputs: [spec.output.name],
        rounds,
        abort,
      }),
    );
  }
  return {
    speed,
    comparison: {
      inputs: images === undefined ? 'random' : 'images',
      ...comparison,
      // Noise has no classes to agree on.
      agreement: images === undefined ? null : comparison.agreement,
      skipped,
      signature: spec.signatureName,
      output: spec.output.name,
      signatures,
    },
  };
}
