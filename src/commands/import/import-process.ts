/** The process that imports one model and ends: TensorFlow.js and TensorFlow are loaded in it alone. */
import { writeFile } from 'node:fs/promises';
import { serialize } from 'node:v8';

import { messageOf } from '../../kernel/errors';
import { answerTask } from '../../process/ask-process';
import { TfjsBackend } from '../../runtime/tfjs-backend';
import { writeSavedModel } from '../../saved-model/saved-model-file';
import { checkImport, type CheckResult } from './check-import';
import { convertGraphModel } from './graph-model/convert-graph-model';
import { convertLayersModel } from './layers-model/convert-layers-model';
import { refuseUnknownLayers } from './layers-model/refuse-unknown-layers';
import { readPackageNotes, type PackageNotes } from './package/package-notes';
import { readTfjsPackage, type TfjsPackage } from './package/tfjs-package';
import type { MetaGraphDef } from '../../saved-model/protobuf/tensorflow_pb';
import { loadTfjsModel, type TfjsModel } from './tfjs/tfjs-model';

export interface ImportTask {
  /** model.json, or its folder. */
  readonly from: string;
  /** Folder for the SavedModel. */
  readonly target: string;
  /** File for what was compared, as v8 serialises it: CheckedRun[]. */
  readonly runs: string;
}

export type ImportAnswer =
  | {
      readonly kind: 'imported';
      readonly format: TfjsPackage['format'];
      readonly check: CheckResult;
      readonly notes: PackageNotes;
    }
  | { readonly kind: 'failed'; readonly reason: string };

async function answer({ from, target, runs }: ImportTask): Promise<ImportAnswer> {
  // oneDNN rounds more coarsely on some processors, by 2e-3 of a value: what is checked is the graph.
  process.env.TF_ENABLE_ONEDNN_OPTS = '0';
  try {
    const source = await readTfjsPackage(from);
    const { original, meta } = await convert(source);
    await writeSavedModel(target, meta);
    const imported = new TfjsBackend().loadModel(target);
    const check = await checkImport(original, imported);
    imported.dispose();
    await writeFile(runs, serialize(check.runs));
    return {
      kind: 'imported',
      format: source.format,
      check: check.result,
      notes: await readPackageNotes(source),
    };
  } catch (thrown) {
    return { kind: 'failed', reason: messageOf(thrown) };
  }
}

/** What cannot be imported is named here, before TensorFlow.js says it in its own words. */
async function convert(
  source: TfjsPackage,
): Promise<{ readonly original: TfjsModel; readonly meta: MetaGraphDef }> {
  if (source.format === 'graph-model') {
    const meta = convertGraphModel(source);
    return { original: await loadTfjsModel(source), meta };
  }
  refuseUnknownLayers(source.topology);
  const original = await loadTfjsModel(source);
  if (original.kind !== 'layers') throw new Error('TensorFlow.js loaded a graph');
  return { original, meta: convertLayersModel(original.model) };
}

answerTask(answer);
