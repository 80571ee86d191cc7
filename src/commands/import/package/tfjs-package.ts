import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { hasErrorCode, messageOf } from '../../../kernel/errors';
import { ImportError } from '../import-error';
import { readScriptModule } from './script-module';
import { weightSpecSchema, type WeightSpec } from './weights';

const modelJsonSchema = z.object({
  format: z.string().nullish(),
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z
    .array(z.object({ paths: z.array(z.string()), weights: z.array(weightSpecSchema) }))
    .default([]),
  signature: z.unknown().optional(),
  userDefinedMetadata: z.record(z.string(), z.unknown()).nullish(),
  modelInitializer: z.unknown().optional(),
});

/** A model as TensorFlow.js keeps it: model.json and the weight files beside it. */
export interface TfjsPackage {
  readonly format: 'graph-model' | 'layers-model';
  /** Folder of the model.json. */
  readonly folder: string;
  /** A GraphDef, or the topology of a Keras model, as JSON. */
  readonly topology: Readonly<Record<string, unknown>>;
  readonly weightSpecs: readonly WeightSpec[];
  /** The weight files one after the other. */
  readonly weightBytes: Uint8Array<ArrayBuffer>;
  /** As JSON; undefined when there is none. */
  readonly signature: unknown;
  /** Whether a second graph has to run once before the model answers. */
  readonly hasInitializer: boolean;
}

/** In this order. */
const MODEL_FILES = ['model.json', 'model.min.js', 'model.js'];
const SHARD_ENDINGS = ['', '.min.js', '.js'];

/**
 * Reads a TensorFlow.js model.
 * @param from model.json (or a script that exports it), or its folder
 * @throws ImportError naming what is missing or malformed
 */
export async function readTfjsPackage(from: string): Promise<TfjsPackage> {
  const file = await modelFileOf(from);
  const parsed = modelJsonSchema.safeParse(await readValue(file));
  if (!parsed.success) {
    throw new ImportError(
      `${file} is not a model.json of TensorFlow.js: ${z.prettifyError(parsed.error)}`,
    );
  }
  const { format, modelTopology, weightsManifest, userDefinedMetadata, ...json } = parsed.data;
  const folder = path.dirname(file);
  const paths = weightsManifest.flatMap((group) => group.paths);
  const shards = await Promise.all(paths.map((shard) => readShard(folder, shard)));
  return {
    format: formatOf(file, format, modelTopology),
    folder,
    topology: modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weightBytes: Buffer.concat(shards),
    signature: json.signature ?? userDefinedMetadata?.signature,
    hasInitializer: json.modelInitializer !== undefined && json.modelInitializer !== null,
  };
}

async function modelFileOf(from: string): Promise<string> {
  const info = await stat(from).catch((cause: unknown) => {
    throw new ImportError(`${from} cannot be read: ${messageOf(cause)}`, { cause });
  });
  if (!info.isDirectory()) return from;
  const names = await readdir(from);
  const found = MODEL_FILES.find((name) => names.includes(name));
  if (found !== undefined) return path.join(from, found);
  throw new ImportError(`${from} has none of ${MODEL_FILES.join(', ')}: name the file itself`);
}

async function readValue(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  if (/\.c?js$/.test(file)) return readScriptModule(text, file);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ImportError(`${file} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

function formatOf(
  file: string,
  format: string | null | undefined,
  topology: Readonly<Record<string, unknown>>,
): TfjsPackage['format'] {
  // The field is younger than the formats.
  if (Array.isArray(topology.node)) return 'graph-model';
  if ('model_config' in topology || 'class_name' in topology) return 'layers-model';
  throw new ImportError(
    `${file} has the format "${format ?? 'unknown'}", and neither a graph nor a topology of layers`,
  );
}

/** The bytes of a weight file; base64 where a script exports them. */
async function readShard(folder: string, shard: string): Promise<Uint8Array> {
  const file = path.resolve(folder, shard);
  if (!file.startsWith(path.resolve(folder) + path.sep)) {
    throw new ImportError(`the weight file ${shard} lies outside ${folder}`);
  }
  for (const ending of SHARD_ENDINGS) {
    try {
      const bytes = await readFile(file + ending);
      return ending === '' ? bytes : fromBase64(bytes.toString(), file + ending);
    } catch (cause) {
      if (hasErrorCode(cause, 'ENOENT')) continue;
      if (cause instanceof ImportError) throw cause;
      throw new ImportError(`${file} cannot be read: ${messageOf(cause)}`, { cause });
    }
  }
  throw new ImportError(`the weight file ${file} is missing`);
}

function fromBase64(text: string, file: string): Uint8Array {
  const value = readScriptModule(text, file);
  if (typeof value === 'string') return Buffer.from(value, 'base64');
  throw new ImportError(`${file} does not export weights as base64`);
}
