import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { boolAttr, intAttr, typeAttr } from '../../src/rewriter/graph/attributes';
import type { FlatGraph } from '../../src/rewriter/graph/flat-graph';
import { DataType } from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import { FLOAT, graphOf, ints, metaOf, scalar } from './graph-model';

/** Models of which it is known what is right, for any picture; each takes values from 0 to 1. */

const OVER = { ...FLOAT, Tidx: typeAttr(DataType.DT_INT32) };
const BRIGHT = 0.5;

/** Writes version 1 of a model into a repository. */
async function writeModel(
  folder: string,
  side: number,
  build: (graph: FlatGraph) => void,
  outputs: Readonly<Record<string, { readonly node: string; readonly shape: readonly number[] }>>,
  config: object,
): Promise<void> {
  await mkdir(path.join(folder, '1'), { recursive: true });
  const shape = [-1, side, side, 3];
  await writeSavedModel(path.join(folder, '1'), metaOf(graphOf(shape, build), shape, outputs));
  await writeFile(path.join(folder, 'model.json'), JSON.stringify(config));
}

/**
 * Finds the box around all bright pixels, in the words of TensorFlow's Object Detection API: three
 * candidates, of which one is the box, one a copy of a lower score, and one is not counted.
 */
export function writeDetector(folder: string, side: number, config: object): Promise<void> {
  return writeModel(
    folder,
    side,
    (graph) => {
      const [top, bottom] = edges(graph, 'rows', side, [2, 3]);
      const [left, right] = edges(graph, 'columns', side, [1, 3]);
      const corners = [top, left, bottom, right];
      graph.add('box', 'Pack', corners, { ...FLOAT, N: intAttr(4), axis: intAttr(1) });
      pack(graph, 'boxes', ['box', 'box', 'box']);
      graph.add('best', 'Max', ['x', ints(graph, 'all', [1, 2, 3])], {
        ...OVER,
        keep_dims: boolAttr(false),
      });
      graph.add('lower', 'Mul', ['best', scalar(graph, 'share', 0.75)], FLOAT);
      pack(graph, 'scores', ['best', 'lower', 'best']);
      graph.add('nothing', 'Mul', ['best', scalar(graph, 'zero', 0)], FLOAT);
      graph.add('two', 'AddV2', ['nothing', scalar(graph, 'class', 2)], FLOAT);
      pack(graph, 'classes', ['two', 'two', 'two']);
      graph.add('count', 'AddV2', ['nothing', scalar(graph, 'counted', 2)], FLOAT);
    },
    {
      detection_boxes: { node: 'boxes', shape: [-1, 3, 4] },
      detection_scores: { node: 'scores', shape: [-1, 3] },
      detection_classes: { node: 'classes', shape: [-1, 3] },
      num_detections: { node: 'count', shape: [-1] },
    },
    config,
  );
}

/** Answers how bright each pixel is: the probability of the only class. */
export function writeSegmenter(folder: string, side: number, config: object): Promise<void> {
  return writeModel(
    folder,
    side,
    (graph) => {
      graph.add('mask', 'Mean', ['x', ints(graph, 'channels', [3])], {
        ...OVER,
        keep_dims: boolAttr(true),
      });
    },
    { mask: { node: 'mask', shape: [-1, side, side, 1] } },
    config,
  );
}

/** Answers each channel's mean as a class of its own, and the channels themselves as logits. */
export function writeColourSegmenter(folder: string, side: number, config: object): Promise<void> {
  return writeModel(
    folder,
    side,
    (graph) => {
      graph.add('logits', 'Mul', ['x', scalar(graph, 'ten', 10)], FLOAT);
    },
    { segmentation: { node: 'logits', shape: [-1, side, side, 3] } },
    config,
  );
}

/** Answers the mean of each channel. */
export function writeEncoder(folder: string, side: number, config: object): Promise<void> {
  return writeModel(
    folder,
    side,
    (graph) => {
      graph.add('vector', 'Mean', ['x', ints(graph, 'pixels', [1, 2])], {
        ...OVER,
        keep_dims: boolAttr(false),
      });
    },
    { embedding: { node: 'vector', shape: [-1, 3] } },
    config,
  );
}

/** First and last place along an axis where a pixel is bright, as shares of the side: [rows]. */
function edges(
  graph: FlatGraph,
  name: string,
  side: number,
  others: readonly number[],
): readonly [string, string] {
  const axis = (at: string): string => ints(graph, `${name}/${at}`, [1]);
  graph.add(`${name}/max`, 'Max', ['x', ints(graph, `${name}/others`, others)], {
    ...OVER,
    keep_dims: boolAttr(false),
  });
  graph.add(
    `${name}/above`,
    'Greater',
    [`${name}/max`, scalar(graph, `${name}/bright`, BRIGHT)],
    FLOAT,
  );
  graph.add(`${name}/is`, 'Cast', [`${name}/above`], {
    SrcT: typeAttr(DataType.DT_BOOL),
    DstT: typeAttr(DataType.DT_FLOAT),
  });
  graph.add(`${name}/reversed`, 'ReverseV2', [`${name}/is`, axis('reverse')], OVER);
  const place = (of: string): string => {
    graph.add(
      `${of}/axis`,
      'Reshape',
      [axis(`${of.split('/').at(-1) ?? ''}/one`), ints(graph, `${of}/none`, [])],
      {
        T: typeAttr(DataType.DT_INT32),
        Tshape: typeAttr(DataType.DT_INT32),
      },
    );
    graph.add(`${of}/place`, 'ArgMax', [of, `${of}/axis`], {
      ...OVER,
      output_type: typeAttr(DataType.DT_INT32),
    });
    graph.add(`${of}/number`, 'Cast', [`${of}/place`], {
      SrcT: typeAttr(DataType.DT_INT32),
      DstT: typeAttr(DataType.DT_FLOAT),
    });
    graph.add(
      `${of}/share`,
      'Mul',
      [`${of}/number`, scalar(graph, `${of}/scale`, 1 / side)],
      FLOAT,
    );
    return `${of}/share`;
  };
  const first = place(`${name}/is`);
  const fromEnd = place(`${name}/reversed`);
  graph.add(`${name}/last`, 'Sub', [scalar(graph, `${name}/whole`, 1), fromEnd], FLOAT);
  return [first, `${name}/last`];
}

/** Joins values of each row to a list, along a new second axis. */
function pack(graph: FlatGraph, name: string, parts: readonly string[]): void {
  graph.add(name, 'Pack', [...parts], { ...FLOAT, N: intAttr(parts.length), axis: intAttr(1) });
}
