import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { create } from '@bufbuild/protobuf';

import {
  boolAttr,
  intAttr,
  shapeAttr,
  tensorAttr,
  textAttr,
  typeAttr,
} from '../../src/rewriter/graph/attributes';
import { FlatGraph } from '../../src/rewriter/graph/flat-graph';
import {
  DataType,
  GraphDefSchema,
  MetaGraphDefSchema,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorProtoSchema,
  TensorShapeProtoSchema,
} from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import { FLOAT, ints, scalar } from './graph-model';

/** Models with several inputs, of which it is known what is right for any of them. */

const { DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8 } = DataType;
const OVER = { ...FLOAT, Tidx: typeAttr(DT_INT32) };

interface TensorSketch {
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** Writes version 1 of a model into a repository. Inputs are nodes of their own names. */
export async function writeInputModel(
  folder: string,
  inputs: Readonly<Record<string, TensorSketch>>,
  build: (graph: FlatGraph) => void,
  outputs: Readonly<Record<string, TensorSketch>>,
  config?: object,
): Promise<void> {
  const graph = new FlatGraph([]);
  for (const [name, { dtype, shape }] of Object.entries(inputs)) {
    graph.add(name, 'Placeholder', [], { dtype: typeAttr(dtype), shape: shapeAttr(shape) });
  }
  build(graph);
  const info = ([name, { dtype, shape }]: readonly [string, TensorSketch]) => [
    name,
    create(TensorInfoSchema, {
      encoding: { case: 'name', value: `${name}:0` },
      dtype,
      tensorShape: create(TensorShapeProtoSchema, {
        dim: shape.map((size) => ({ size: BigInt(size) })),
      }),
    }),
  ];
  await mkdir(path.join(folder, '1'), { recursive: true });
  await writeSavedModel(
    path.join(folder, '1'),
    create(MetaGraphDefSchema, {
      metaInfoDef: { tags: ['serve'] },
      graphDef: create(GraphDefSchema, { node: [...graph.nodes()], versions: { producer: 1882 } }),
      signatureDef: {
        serving_default: create(SignatureDefSchema, {
          inputs: Object.fromEntries(Object.entries(inputs).map(info)),
          outputs: Object.fromEntries(Object.entries(outputs).map(info)),
          methodName: 'tensorflow/serving/predict',
        }),
      },
    }),
  );
  if (config !== undefined) {
    await writeFile(path.join(folder, 'model.json'), JSON.stringify(config));
  }
}

/** content · (1 − strength) + the mean colour of the style · strength; strength is [?]. */
export function writeStylizer(folder: string, config: object): Promise<void> {
  return writeInputModel(
    folder,
    {
      content: { dtype: DT_FLOAT, shape: [-1, 16, 16, 3] },
      style: { dtype: DT_FLOAT, shape: [-1, 8, 8, 3] },
      strength: { dtype: DT_FLOAT, shape: [-1] },
    },
    (graph) => {
      graph.add('colour', 'Mean', ['style', ints(graph, 'pixels', [1, 2])], {
        ...OVER,
        keep_dims: boolAttr(true),
      });
      reshape(graph, 'share', 'strength', [-1, 1, 1, 1]);
      graph.add('rest', 'Sub', [scalar(graph, 'one', 1), 'share'], FLOAT);
      graph.add('kept', 'Mul', ['content', 'rest'], FLOAT);
      graph.add('added', 'Mul', ['colour', 'share'], FLOAT);
      graph.add('picture', 'AddV2', ['kept', 'added'], FLOAT);
    },
    { picture: { dtype: DT_FLOAT, shape: [-1, 16, 16, 3] } },
    config,
  );
}

/** The photo where the mask is white, black elsewhere; any size. */
export function writeMasker(folder: string, config: object): Promise<void> {
  return writeInputModel(
    folder,
    {
      photo: { dtype: DT_FLOAT, shape: [-1, -1, -1, 3] },
      mask: { dtype: DT_FLOAT, shape: [-1, -1, -1, 1] },
    },
    (graph) => {
      graph.add('picture', 'Mul', ['photo', 'mask'], FLOAT);
    },
    { picture: { dtype: DT_FLOAT, shape: [-1, -1, -1, 3] } },
    config,
  );
}

/** The photo, tinted by weights [?, 3]: each channel times its weight. */
export function writeTinter(folder: string, config: object): Promise<void> {
  return writeInputModel(
    folder,
    {
      photo: { dtype: DT_FLOAT, shape: [-1, 8, 8, 3] },
      weights: { dtype: DT_FLOAT, shape: [-1, 3] },
    },
    (graph) => {
      reshape(graph, 'by', 'weights', [-1, 1, 1, 3]);
      graph.add('picture', 'Mul', ['photo', 'by'], FLOAT);
    },
    { picture: { dtype: DT_FLOAT, shape: [-1, 8, 8, 3] } },
    config,
  );
}

/** Grey pictures of 8 × 8: (the logistic function of the noise + the number of the label) / 10. */
export function writeDigits(folder: string, config: object): Promise<void> {
  return writeInputModel(
    folder,
    { label: { dtype: DT_INT32, shape: [-1] }, z: { dtype: DT_FLOAT, shape: [-1, 64] } },
    (graph) => {
      graph.add('logistic', 'Sigmoid', ['z'], FLOAT);
      graph.add('number', 'Cast', ['label'], {
        SrcT: typeAttr(DT_INT32),
        DstT: typeAttr(DT_FLOAT),
      });
      reshape(graph, 'column', 'number', [-1, 1]);
      graph.add('sum', 'AddV2', ['logistic', 'column'], FLOAT);
      graph.add('scaled', 'Mul', ['sum', scalar(graph, 'tenth', 0.1)], FLOAT);
      reshape(graph, 'picture', 'scaled', [-1, 8, 8, 1]);
    },
    { picture: { dtype: DT_FLOAT, shape: [-1, 8, 8, 1] } },
    config,
  );
}

/** Decodes a file and scores how red, green and blue it is; labels are an output. */
export function writeFileClassifier(
  folder: string,
  decoder: 'DecodeJpeg' | 'DecodePng' | 'DecodeImage',
  shape: readonly number[],
): Promise<void> {
  return writeInputModel(
    folder,
    { image_bytes: { dtype: DT_STRING, shape } },
    (graph) => {
      const none = ints(graph, 'none', []);
      graph.add('file', 'Reshape', ['image_bytes', none], {
        T: typeAttr(DT_STRING),
        Tshape: typeAttr(DT_INT32),
      });
      graph.add('decoded', decoder, ['file'], {
        channels: intAttr(3),
        ...(decoder === 'DecodeImage'
          ? { dtype: typeAttr(DT_UINT8), expand_animations: boolAttr(false) }
          : {}),
      });
      graph.add('floats', 'Cast', ['decoded'], {
        SrcT: typeAttr(DT_UINT8),
        DstT: typeAttr(DT_FLOAT),
      });
      graph.add('mean', 'Mean', ['floats', ints(graph, 'pixels', [0, 1])], {
        ...OVER,
        keep_dims: boolAttr(false),
      });
      graph.add('shares', 'Mul', ['mean', scalar(graph, 'scale', 1 / 255)], FLOAT);
      reshape(graph, 'scores', 'shares', [1, 3]);
      graph.add('classes', 'Const', [], stringsAttr(['red', 'green', 'blue'], [1, 3]));
    },
    {
      scores: { dtype: DT_FLOAT, shape: [-1, 3] },
      classes: { dtype: DT_STRING, shape: [-1, 3] },
    },
  );
}

/** Adds the seed to the prompt, `length` times, one after the other: a loop in the graph. */
export function writeWriter(folder: string, config: object): Promise<void> {
  return writeInputModel(
    folder,
    {
      prompt: { dtype: DT_STRING, shape: [-1] },
      length: { dtype: DT_INT32, shape: [] },
      seed: { dtype: DT_INT32, shape: [] },
    },
    (graph) => {
      const whole = { T: typeAttr(DT_INT32) };
      const text = { T: typeAttr(DT_STRING) };
      graph.add('word', 'AsString', ['seed'], whole);
      graph.add('zero', 'Const', [], intsAttr([0], []));
      graph.add('one', 'Const', [], intsAttr([1], []));
      const enter = (name: string, from: string, attr: object, constant: boolean): void => {
        graph.add(name, 'Enter', [from], {
          ...attr,
          frame_name: textAttr('loop'),
          is_constant: boolAttr(constant),
          parallel_iterations: intAttr(10),
        });
      };
      enter('i/enter', 'zero', whole, false);
      enter('text/enter', 'prompt', text, false);
      enter('length/enter', 'length', whole, true);
      enter('one/enter', 'one', whole, true);
      enter('word/enter', 'word', text, true);
      graph.add('i/merge', 'Merge', ['i/enter', 'i/next'], { ...whole, N: intAttr(2) });
      graph.add('text/merge', 'Merge', ['text/enter', 'text/next'], { ...text, N: intAttr(2) });
      graph.add('less', 'Less', ['i/merge', 'length/enter'], whole);
      graph.add('go', 'LoopCond', ['less']);
      graph.add('i/switch', 'Switch', ['i/merge', 'go'], whole);
      graph.add('text/switch', 'Switch', ['text/merge', 'go'], text);
      graph.add('i/add', 'AddV2', ['i/switch:1', 'one/enter'], whole);
      graph.add('text/add', 'StringJoin', ['text/switch:1', 'word/enter'], {
        N: intAttr(2),
        separator: textAttr(''),
      });
      graph.add('i/next', 'NextIteration', ['i/add'], whole);
      graph.add('text/next', 'NextIteration', ['text/add'], text);
      graph.add('text', 'Exit', ['text/switch'], text);
    },
    { text: { dtype: DT_STRING, shape: [-1] } },
    config,
  );
}

/** The prompt and the seed behind it; rows are independent. */
export function writeEcho(folder: string, config: object): Promise<void> {
  return writeInputModel(
    folder,
    { prompt: { dtype: DT_STRING, shape: [-1] }, seed: { dtype: DT_INT32, shape: [-1] } },
    (graph) => {
      graph.add('word', 'AsString', ['seed'], { T: typeAttr(DT_INT32) });
      graph.add('text', 'StringJoin', ['prompt', 'word'], {
        N: intAttr(2),
        separator: textAttr(' '),
      });
    },
    { text: { dtype: DT_STRING, shape: [-1] } },
    config,
  );
}

function reshape(graph: FlatGraph, name: string, from: string, shape: readonly number[]): void {
  graph.add(name, 'Reshape', [from, ints(graph, `${name}/shape`, shape)], {
    ...FLOAT,
    Tshape: typeAttr(DT_INT32),
  });
}

function intsAttr(values: readonly number[], shape: readonly number[]) {
  return {
    dtype: typeAttr(DT_INT32),
    value: tensorAttr(
      create(TensorProtoSchema, {
        dtype: DT_INT32,
        tensorShape: create(TensorShapeProtoSchema, {
          dim: shape.map((size) => ({ size: BigInt(size) })),
        }),
        intVal: [...values],
      }),
    ),
  };
}

function stringsAttr(values: readonly string[], shape: readonly number[]) {
  return {
    dtype: typeAttr(DT_STRING),
    value: tensorAttr(
      create(TensorProtoSchema, {
        dtype: DT_STRING,
        tensorShape: create(TensorShapeProtoSchema, {
          dim: shape.map((size) => ({ size: BigInt(size) })),
        }),
        stringVal: values.map((value) => Buffer.from(value)),
      }),
    ),
  };
}
