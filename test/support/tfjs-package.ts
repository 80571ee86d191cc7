import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import * as tf from '@tensorflow/tfjs';

/** Writes a layers model as TensorFlow.js saves it. */
export async function saveLayersModel(folder: string, model: tf.LayersModel): Promise<void> {
  await model.save({
    save: async (artifacts) => {
      const { weightData, weightSpecs = [], modelTopology, format } = artifacts;
      await mkdir(folder, { recursive: true });
      await writeFile(
        path.join(folder, 'weights.bin'),
        Buffer.concat([weightData ?? []].flat().map((part) => new Uint8Array(part))),
      );
      await writeFile(
        path.join(folder, 'model.json'),
        JSON.stringify({
          format,
          modelTopology,
          weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
        }),
      );
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    },
  });
}

/** A constant of a graph model, and its weights. */
export interface GraphWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly dtype?: 'float32' | 'int32';
  /** Type in the graph. @default that of `dtype` */
  readonly type?: string;
  /** Stored as uint8 with this scale, from −1 on. */
  readonly scale?: number;
}

export interface GraphSketch {
  readonly weights: readonly GraphWeight[];
  /** Nodes beside the constants, as JSON. */
  readonly nodes: readonly Record<string, unknown>[];
  readonly signature?: unknown;
}

export const FLOAT = { T: { type: 'DT_FLOAT' } };

/** Text of an attribute, as converters write it. */
export function text(value: string): { s: string } {
  return { s: Buffer.from(value).toString('base64') };
}

export function placeholder(name: string, shape: readonly number[]): Record<string, unknown> {
  const dim = shape.map((size) => ({ size: String(size) }));
  return {
    name,
    op: 'Placeholder',
    attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim } } },
  };
}

/** Writes a graph model in two weight files that part in the middle of a weight. */
export async function saveGraphModel(
  folder: string,
  { weights, nodes, signature }: GraphSketch,
): Promise<void> {
  const bytes = Buffer.concat(weights.map(bytesOf));
  const middle = Math.floor(bytes.length / 2);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'shard1.bin'), bytes.subarray(0, middle));
  await writeFile(path.join(folder, 'shard2.bin'), bytes.subarray(middle));
  const constants = weights.map(({ name, shape, dtype, type }) => {
    const stated = type ?? (dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT');
    const dim = shape.map((size) => ({ size: String(size) }));
    const tensor = { dtype: stated, tensorShape: { dim } };
    return { name, op: 'Const', attr: { dtype: { type: stated }, value: { tensor } } };
  });
  const specs = weights.map(({ name, shape, dtype = 'float32', scale }) => ({
    name,
    shape,
    dtype,
    ...(scale === undefined ? {} : { quantization: { dtype: 'uint8', scale, min: -1 } }),
  }));
  await writeFile(
    path.join(folder, 'model.json'),
    JSON.stringify({
      format: 'graph-model',
      modelTopology: { node: [...constants, ...nodes], versions: { producer: 1575 } },
      signature,
      weightsManifest: [{ paths: ['shard1.bin', 'shard2.bin'], weights: specs }],
    }),
  );
}

function bytesOf({ values, dtype, scale }: GraphWeight): Buffer {
  if (scale !== undefined) return Buffer.from(values.map((v) => Math.round((v + 1) / scale)));
  const array = dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
  return Buffer.from(array.buffer);
}
