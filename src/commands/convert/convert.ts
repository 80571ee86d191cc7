import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { CliError } from '../exit-codes';
import type { CommandOutput } from '../run-command';
import { configureSharp } from '../../imaging/sharp-settings';
import type { ConvertOptions } from './command';
import { convert, convertTo8Bits } from './ask-conversion';
import { folderBytes } from './folder-bytes';
import { measure } from './measure';
import { imageFiles } from './photos';
import { REPORT_FILE, reportLines, type ConversionReport } from './report';
import { findSubject, type Subject } from './subject';
import { servedVersionLines, slowerLines } from './advice';
import { openWorkspace, type Workspace } from './workspace';

/**
 * Converts a version of a model, compares it with what it was made from, and keeps it as a new one.
 * @param abort stops it; nothing is left behind
 * @throws CliError
 */
export async function convertModel(
  options: ConvertOptions,
  output: CommandOutput,
  abort: AbortSignal,
): Promise<ConversionReport> {
  configureSharp({ concurrency: 1 });
  const subject = await findSubject(options);
  const photos = await photosOf(options, subject);
  const workspace = await openWorkspace(subject.model.directory, options.dryRun === true);
  try {
    const report = await makeReport(options, subject, photos, workspace, output, abort);
    for (const line of reportLines(report)) output.print(line);
    for (const line of slowerLines(report)) output.warn(line);
    abort.throwIfAborted();
    const kept = await keep(report, workspace);
    for (const line of servedVersionLines(subject.model, kept)) output.print(line);
    return kept;
  } finally {
    workspace.discard();
  }
}

/** Photos of the folder, by name; undefined where none is given. */
interface PhotoFiles {
  /** For ranges in 8 bits. */
  readonly calibration: readonly string[];
  /** For the comparison: others, where there are enough. */
  readonly comparison: readonly string[];
}

async function photosOf(
  { images, limit, precision }: ConvertOptions,
  { spec, model }: Subject,
): Promise<PhotoFiles | undefined> {
  if (images === undefined) {
    if (precision !== 'int8') return undefined;
    throw new CliError(
      'usage',
      'int8 needs photos to measure ranges on: name a folder of some dozen with --images, or choose int8-weights, which needs none',
    );
  }
  if (spec.image === undefined) {
    throw new CliError(
      'usage',
      precision === 'int8'
        ? `${model.name} takes no image, and ranges for int8 are measured on images; choose int8-weights or bf16`
        : `${model.name} takes no image: leave --images out`,
    );
  }
  const files = (await imageFiles(images)).slice(0, limit);
  if (precision !== 'int8' || files.length < LEAST_TO_SPLIT) {
    return { calibration: files, comparison: files };
  }
  return {
    calibration: files.filter((_, index) => index % 2 === 0),
    comparison: files.filter((_, index) => index % 2 === 1),
  };
}

/** With fewer photos all are used for both. */
const LEAST_TO_SPLIT = 8;

async function makeReport(
  options: ConvertOptions,
  subject: Subject,
  photos: PhotoFiles | undefined,
  { folders }: Workspace,
  { print, warn }: CommandOutput,
  abort: AbortSignal,
): Promise<ConversionReport> {
  const { precision, model, images, rounds } = options;
  print(`${model}, version ${subject.version}: converting to ${precision}`);
  const conversion =
    precision === 'int8'
      ? await convertTo8Bits(
          {
            subject: { ...options, version: subject.version },
            folders,
            images: images ?? '',
            files: photos?.calibration ?? [],
            maxLoss: options.maxAccuracyLoss,
            rounds,
          },
          abort,
        )
      : await convert({ source: subject.directory, folders, precision }, abort);
  abort.throwIfAborted();
  const measured = await measure(subject, folders, {
    images:
      images === undefined || photos === undefined
        ? undefined
        : { folder: images, files: photos.comparison },
    rounds,
    abort,
    onSkipped: (file, reason) => {
      warn(`skipped: ${file}: ${reason}`);
    },
  });
  return {
    format: 1,
    createdAt: new Date().toISOString(),
    model,
    precision,
    sourceVersion: subject.version,
    version: null,
    conversion,
    bytes: {
      source: await folderBytes(subject.directory),
      converted: await folderBytes(folders.converted),
    },
    ...measured,
  };
}

/** The report with the number that the version got. */
async function keep(
  report: ConversionReport,
  { newVersion }: Workspace,
): Promise<ConversionReport> {
  if (newVersion === undefined) return report;
  let kept = report;
  await newVersion.publish(async (version) => {
    kept = { ...report, version };
    const text = `${JSON.stringify(kept, undefined, 2)}\n`;
    await writeFile(path.join(newVersion.directory, REPORT_FILE), text);
  });
  return kept;
}
