import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { CliError } from '../exit-codes';
import type { CommandOutput } from '../run-command';
import { configureSharp } from '../../imaging/sharp-settings';
import type { ConvertOptions } from './command';
import { convert } from './ask-conversion';
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
  if (options.images !== undefined) await requireImages(options.images, subject);
  const workspace = await openWorkspace(subject.model.directory, options.dryRun === true);
  try {
    const report = await makeReport(options, subject, workspace, output, abort);
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

async function requireImages(folder: string, { spec, model }: Subject): Promise<void> {
  if (spec.image === undefined) {
    throw new CliError('usage', `${model.name} takes no image: leave --images out`);
  }
  await imageFiles(folder);
}

async function makeReport(
  { precision, model, images, limit, rounds }: ConvertOptions,
  subject: Subject,
  { folders }: Workspace,
  { print, warn }: CommandOutput,
  abort: AbortSignal,
): Promise<ConversionReport> {
  print(`${model}, version ${subject.version}: converting to ${precision}`);
  const conversion = await convert({ source: subject.directory, folders, precision }, abort);
  abort.throwIfAborted();
  const measured = await measure(subject, folders, {
    ...(images === undefined ? {} : { images }),
    ...(limit === undefined ? {} : { limit }),
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
