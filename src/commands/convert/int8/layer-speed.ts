import { create } from '@bufbuild/protobuf';

import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { readersOf } from '../../../rewriter/graph/fold-constants';
import { parseFlat } from '../../../rewriter/graph/references';
import { shapeAttr, typeAttr } from '../../../rewriter/graph/attributes';
import type { Layer } from '../../../rewriter/quantize/find-layers';
import type { QuantizationPlan } from '../../../rewriter/quantize/quantize-graph';
import { typedArrayOf } from '../../../kernel/element-types';
import { elementCount, type Tensor } from '../../../kernel/tensor';
import {
  DataType,
  GraphDefSchema,
  MetaGraphDefSchema,
  SignatureDefSchema,
  type MetaGraphDef,
} from '../../../saved-model/protobuf/tensorflow_pb';
import { measureSpeed } from '../measure-speed';
import { floatTensor } from './probe-model';
import { quantizedGraph, type TrialModels } from './trial-models';

const SIGNATURE = 'serving_default';
/** Images in a run that layers are timed with, and numbers of a tensor at most, if there are more images than one. */
const ROWS = 4;
const MOST_NUMBERS = 2 ** 23;
const ROUNDS = 9;

export interface IslandSpeed {
  readonly layers: readonly string[];
  /** Time in float32 divided by the time in 8 bits, with the changes to 8 bits and back. */
  readonly ratio: number;
}

/**
 * Layers that stay in 8 bits between them, cut out of the network and timed: float32 goes in and comes
 * out.
 */
export class IslandTimer {
  readonly #meta: MetaGraphDef;
  readonly #trials: TrialModels;
  readonly #known = new Map<string, number>();

  constructor(meta: MetaGraphDef, trials: TrialModels) {
    this.#meta = meta;
    this.#trials = trials;
  }

  async time(
    island: readonly Layer[],
    plan: QuantizationPlan,
    abort: AbortSignal,
  ): Promise<IslandSpeed> {
    const layers = island.map(({ node }) => node.name);
    const cut = cutOut(this.#meta, island, plan);
    const key = island.map((layer) => alikeKey(layer, plan)).join(';');
    const ratio = this.#known.get(key) ?? (await this.#measure(cut, layers, plan, abort));
    this.#known.set(key, ratio);
    return { layers, ratio };
  }

  #measure(
    { meta, inputs }: CutOut,
    layers: readonly string[],
    plan: QuantizationPlan,
    abort: AbortSignal,
  ): Promise<number> {
    const { converted } = quantizedGraph(meta, { ...plan, layers: new Set(layers) });
    const outputs = Object.keys(meta.signatureDef[SIGNATURE]?.outputs ?? {});
    const options = { signature: SIGNATURE, outputs, rounds: ROUNDS, abort };
    return this.#trials.with(meta, (float32) =>
      this.#trials.with(
        converted,
        async (int8) => (await measureSpeed(float32, int8, inputs, options)).ratio,
      ),
    );
  }
}

/** Layers of the same form take the same time. */
function alikeKey(
  { node, weights, input, summand, ceiling }: Layer,
  plan: QuantizationPlan,
): string {
  const form = [
    weights.shape,
    plan.shapes.get(input),
    summand !== undefined,
    ceiling !== undefined,
  ];
  const range = plan.ranges.get(input);
  return JSON.stringify([node.op, Object.keys(node.attr).length, form, (range?.min ?? 0) < 0]);
}

interface CutOut {
  readonly meta: MetaGraphDef;
  readonly inputs: readonly Tensor[];
}

function cutOut(meta: MetaGraphDef, island: readonly Layer[], plan: QuantizationPlan): CutOut {
  const graph = new FlatGraph(meta.graphDef?.node ?? []);
  const chain = new Set(island.flatMap((layer) => layer.chain));
  const readers = readersOf(graph);
  const reads = island.flatMap(({ input, summand }) => [
    input,
    ...(summand === undefined ? [] : [summand]),
  ]);
  const inside = insideOf(graph, chain, reads);
  const outputs = island
    .map(({ output }) => output.name)
    .filter((name) => {
      const others = (readers.get(name) ?? []).filter((reader) => !inside.has(reader.name));
      return others.length > 0 || !readers.has(name);
    });
  const inputs: Tensor[] = [];
  for (const name of [...inside]) {
    const node = graph.get(name);
    node.input = node.input.map((tensor) => {
      const { node: source } = parseFlat(tensor);
      if (inside.has(source) || graph.find(source)?.op === 'Const') return tensor;
      return inputFor(graph, inputs, tensor, plan);
    });
  }
  graph.prune(outputs);
  const { versions } = meta.graphDef ?? {};
  return {
    inputs,
    meta: create(MetaGraphDefSchema, {
      ...(meta.metaInfoDef === undefined ? {} : { metaInfoDef: meta.metaInfoDef }),
      graphDef: create(GraphDefSchema, {
        node: [...graph.nodes()],
        ...(versions === undefined ? {} : { versions }),
      }),
      signatureDef: {
        [SIGNATURE]: create(SignatureDefSchema, {
          methodName: 'tensorflow/serving/predict',
          inputs: Object.fromEntries(
            inputs.map(({ name, shape }) => [name, floatTensor(name, [-1, ...shape.slice(1)])]),
          ),
          outputs: Object.fromEntries(outputs.map((name) => [name, floatTensor(name)])),
        }),
      },
    }),
  };
}

/** The layers' nodes, and those between them. */
function insideOf(
  graph: FlatGraph,
  chain: ReadonlySet<string>,
  reads: readonly string[],
): ReadonlySet<string> {
  const inside = new Set(chain);
  const leadsToLayer = (name: string, path: readonly string[]): void => {
    const node = graph.find(name);
    if (node === undefined || node.op === 'Const' || path.length > 16) return;
    if (chain.has(name)) {
      for (const passed of path) inside.add(passed);
      return;
    }
    for (const input of node.input) leadsToLayer(parseFlat(input).node, [...path, name]);
  };
  for (const tensor of reads) leadsToLayer(parseFlat(tensor).node, []);
  return inside;
}

/** A placeholder in the place of a tensor from outside, and values in its range. */
function inputFor(
  graph: FlatGraph,
  inputs: Tensor[],
  tensor: string,
  { shapes, ranges }: QuantizationPlan,
): string {
  const name = `cut/${tensor.replace(/[^\w./]/g, '_')}`;
  if (inputs.some((input) => input.name === name)) return name;
  const seen = shapes.get(tensor);
  if (seen === undefined) throw new Error(`the shape of ${tensor} is not known`);
  const shape = [rowsFor(seen), ...seen.slice(1)];
  const { min, max } = ranges.get(tensor) ?? { min: -1, max: 1 };
  const data = typedArrayOf('float32', elementCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = min + ((i * 0.618_034) % 1) * (max - min);
  inputs.push({ name, dtype: 'float32', shape, data });
  graph.add(name, 'Placeholder', [], {
    dtype: typeAttr(DataType.DT_FLOAT),
    shape: shapeAttr([-1, ...seen.slice(1)]),
  });
  return name;
}

/** Sizes of one photo may be large where a model takes any. */
function rowsFor(shape: readonly number[]): number {
  const [, ...sizes] = shape;
  return Math.max(1, Math.min(ROWS, Math.floor(MOST_NUMBERS / elementCount(sizes))));
}
