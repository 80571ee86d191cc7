import { z } from 'zod';

import { ImportError } from '../import-error';
import type { LayerGraph } from './layer-graph';

/** null: a dimension of any size. */
export type LayerShape = readonly (number | null)[];

/** One use of a layer, to be written as operations. */
export interface LayerCall {
  readonly graph: LayerGraph;
  readonly name: string;
  readonly className: string;
  /** As TensorFlow.js states it, in camel case. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  readonly inputShapes: readonly LayerShape[];
  readonly outputShape: LayerShape;
  /** @throws ImportError when the layer has no such weight */
  readonly weight: (name: string) => LayerWeight;
}

export interface LayerWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** A constant of the graph; layers that are used twice share it. */
  readonly tensor: () => string;
}

/** @returns the tensor that the layer makes */
export type LayerKind = (call: LayerCall) => string;

/** @throws ImportError for a layer that needs an input more */
export function inputOf({ inputs, name }: LayerCall): string {
  const [input] = inputs;
  if (input === undefined) throw new ImportError(`the layer "${name}" has no input`);
  return input;
}

/** Shape of the first input. */
export function shapeOf({ inputShapes }: LayerCall): LayerShape {
  return inputShapes[0] ?? [];
}

/** @throws ImportError naming what of the layer's settings is not supported */
export function configOf<T>({ name, className, config }: LayerCall, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new ImportError(
    `the layer "${name}" (${className}) is not supported as it is set: ${z.prettifyError(parsed.error)}`,
  );
}

export const pairSchema = z.tuple([z.number(), z.number()]);
export const singleSchema = z.union([
  z.number().transform((value): [number] => [value]),
  z.tuple([z.number()]),
]);
export const paddingSchema = z.enum(['same', 'valid']);
