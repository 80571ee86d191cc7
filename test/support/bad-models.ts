import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { boolAttr, intAttr, textAttr, typeAttr } from '../../src/rewriter/graph/attributes';
import type { FlatGraph } from '../../src/rewriter/graph/flat-graph';
import { floatConstantAttributes } from '../../src/rewriter/graph/float-constants';
import { DataType } from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import { convolution, FLOAT, graphOf, ints, metaOf, scalar } from './graph-model';

/** The input that a bad model does not bear; for any other it answers what it was given. */
export const POISON = 666;

const INT = { T: typeAttr(DataType.DT_INT32) };

/** What models do to the process that they run in. Each takes rows of one number. */
const DEEDS = {
  /** A check inside TensorFlow fails, which aborts the process. */
  crashes: (graph: FlatGraph): void => {
    addPoisoned(graph);
    // A convolution that is given a vector looks for its fourth dimension.
    graph.add('poisoned/number', 'Cast', ['poisoned'], {
      SrcT: typeAttr(DataType.DT_BOOL),
      DstT: typeAttr(DataType.DT_INT32),
    });
    graph.add('less', 'Mul', ['poisoned/number', ints(graph, 'three', [3])], INT);
    graph.add('rank', 'Sub', [ints(graph, 'four', [4]), 'less'], INT);
    graph.add(
      'shape',
      'Slice',
      [ints(graph, 'whole', [-1, 1, 1, 1]), ints(graph, 'zero', [0]), 'rank'],
      {
        ...INT,
        Index: typeAttr(DataType.DT_INT32),
      },
    );
    reshape(graph, 'image', 'x', 'shape');
    graph.add(
      'filter',
      'Const',
      [],
      floatConstantAttributes({ shape: [1, 1, 1, 1], values: Float32Array.of(1) }),
    );
    convolution(graph, 'convolution', 'image', 'filter');
    reshape(graph, 'y', 'convolution', ints(graph, 'flat', [-1, 1]));
  },
  /** A loop without an end. */
  hangs: (graph: FlatGraph): void => {
    addPoisoned(graph);
    const frame = { ...FLOAT, frame_name: textAttr('loop') };
    scalar(graph, 'start', 0);
    scalar(graph, 'one', 1);
    graph.add('enter', 'Enter', ['start'], { ...frame, is_constant: boolAttr(false) });
    graph.add('enter/one', 'Enter', ['one'], { ...frame, is_constant: boolAttr(true) });
    reshape(graph, 'poisoned/scalar', 'poisoned', ints(graph, 'no_shape', []), DataType.DT_BOOL);
    graph.add('enter/poisoned', 'Enter', ['poisoned/scalar'], {
      T: typeAttr(DataType.DT_BOOL),
      frame_name: textAttr('loop'),
      is_constant: boolAttr(true),
    });
    graph.add('merge', 'Merge', ['enter', 'next'], { ...FLOAT, N: intAttr(2) });
    graph.add('again', 'LoopCond', ['enter/poisoned'], {});
    graph.add('switch', 'Switch', ['merge', 'again'], FLOAT);
    graph.add('count', 'AddV2', ['switch:1', 'enter/one'], FLOAT);
    graph.add('next', 'NextIteration', ['count'], FLOAT);
    graph.add('exit', 'Exit', ['switch'], FLOAT);
    answerInput(graph, 'exit');
  },
  /** As many MiB are taken as the largest input says. */
  allocates: (graph: FlatGraph): void => {
    graph.add('most', 'Max', ['x', ints(graph, 'axes', [0, 1])], {
      ...FLOAT,
      Tidx: typeAttr(DataType.DT_INT32),
      keep_dims: boolAttr(false),
    });
    scalar(graph, 'floats_a_MiB', 1024 * 256);
    graph.add('floats', 'Mul', ['most', 'floats_a_MiB'], FLOAT);
    graph.add('count', 'Cast', ['floats'], {
      SrcT: typeAttr(DataType.DT_FLOAT),
      DstT: typeAttr(DataType.DT_INT32),
    });
    reshape(graph, 'shape', 'count', ints(graph, 'of_one', [1]), DataType.DT_INT32);
    scalar(graph, 'zero', 0);
    graph.add('memory', 'Fill', ['shape', 'zero'], {
      ...FLOAT,
      index_type: typeAttr(DataType.DT_INT32),
    });
    graph.add('sum', 'Sum', ['memory', ints(graph, 'first_axis', [0])], {
      ...FLOAT,
      Tidx: typeAttr(DataType.DT_INT32),
      keep_dims: boolAttr(false),
    });
    answerInput(graph, 'sum');
  },
} as const;

export type Deed = keyof typeof DEEDS;

/** Writes version 1 of a model into a repository. @returns the folder of the version */
export async function writeBadModel(repository: string, deed: Deed): Promise<string> {
  const folder = path.join(repository, deed, '1');
  await mkdir(folder, { recursive: true });
  const shape = [-1, 1];
  await writeSavedModel(folder, metaOf(graphOf(shape, DEEDS[deed]), shape, { y: { node: 'y' } }));
  return folder;
}

/** `poisoned`: whether any number is the one that the model does not bear, as a vector of one. */
function addPoisoned(graph: FlatGraph): void {
  scalar(graph, 'poison', POISON);
  graph.add('equal', 'Equal', ['x', 'poison'], FLOAT);
  graph.add('any', 'Any', ['equal', ints(graph, 'axes', [0, 1])], {
    Tidx: typeAttr(DataType.DT_INT32),
    keep_dims: boolAttr(false),
  });
  reshape(graph, 'poisoned', 'any', ints(graph, 'of_one', [1]), DataType.DT_BOOL);
}

/** `y`: the input, once `node` has been computed, which is added nought times. */
function answerInput(graph: FlatGraph, node: string): void {
  scalar(graph, 'nought', 0);
  graph.add('nothing', 'Mul', [node, 'nought'], FLOAT);
  graph.add('y', 'AddV2', ['x', 'nothing'], FLOAT);
}

function reshape(
  graph: FlatGraph,
  name: string,
  input: string,
  shape: string,
  type = DataType.DT_FLOAT,
): void {
  graph.add(name, 'Reshape', [input, shape], {
    T: typeAttr(type),
    Tshape: typeAttr(DataType.DT_INT32),
  });
}
