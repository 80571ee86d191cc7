import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { boolAttr, typeAttr } from '../../src/rewriter/graph/attributes';
import type { FlatGraph } from '../../src/rewriter/graph/flat-graph';
import { DataType } from '../../src/saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import type { Service } from '../../src/compose';
import { FLOAT, graphOf, ints, metaOf, scalar } from '../support/graph-model';
import { removeFolder, startTestService } from '../support/service';

/** Models whose rows belong together, and some whose rows do not, on the real TensorFlow. */

const OVER = { ...FLOAT, Tidx: typeAttr(DataType.DT_INT32) };
const WIDTH = 4;
/** More than a batch holds, so that a request of so many rows is cut if it may be. */
const ROWS = 7;
const MAX_BATCH = 4;

interface Case {
  readonly build: (graph: FlatGraph) => void;
  /** What TensorFlow answers to rows that are sent together. */
  readonly answer: (rows: readonly (readonly number[])[]) => unknown;
  readonly config?: object;
}

const sum = (row: readonly number[]): number => row.reduce((total, value) => total + value, 0);
const column = (rows: readonly (readonly number[])[], i: number): number[] =>
  rows.map((row) => row[i] ?? NaN);
const meanOf = (values: readonly number[]): number => sum(values) / values.length;

function reduce(graph: FlatGraph, op: string, name: string, axes: readonly number[]): string {
  const axis = ints(graph, `${name}/axes`, axes);
  graph.add(name, op, ['x', axis], { ...OVER, keep_dims: boolAttr(false) });
  return name;
}

/** Rows whose first number is below the bound. */
function keepRows(graph: FlatGraph, bound: number): void {
  const first = (name: string, value: number): string => ints(graph, name, [value]);
  const slice = [first('from_row', 0), first('from_column', 0)];
  graph.add('begin', 'ConcatV2', [...slice, rank0(graph, 'concat_axis')], {
    T: typeAttr(DataType.DT_INT32),
    Tidx: typeAttr(DataType.DT_INT32),
    N: { $typeName: 'tensorflow.AttrValue', value: { case: 'i', value: 2n } },
  });
  graph.add('column', 'Slice', ['x', 'begin', ints(graph, 'size', [-1, 1])], {
    ...FLOAT,
    Index: typeAttr(DataType.DT_INT32),
  });
  graph.add('flat', 'Reshape', ['column', ints(graph, 'vector', [-1])], {
    ...FLOAT,
    Tshape: typeAttr(DataType.DT_INT32),
  });
  graph.add('kept', 'Less', ['flat', scalar(graph, 'bound', bound)], FLOAT);
  graph.add('places', 'Where', ['kept'], { T: typeAttr(DataType.DT_BOOL) });
  graph.add('indices', 'Reshape', ['places', ints(graph, 'vector_of_places', [-1])], {
    T: typeAttr(DataType.DT_INT64),
    Tshape: typeAttr(DataType.DT_INT32),
  });
  graph.add('y', 'GatherV2', ['x', 'indices', rank0(graph, 'axis')], {
    Tparams: typeAttr(DataType.DT_FLOAT),
    Tindices: typeAttr(DataType.DT_INT64),
    Taxis: typeAttr(DataType.DT_INT32),
  });
}

function rank0(graph: FlatGraph, name: string): string {
  graph.add(
    `${name}/vector`,
    'Reshape',
    [ints(graph, `${name}/zero`, [0]), ints(graph, `${name}/none`, [])],
    {
      T: typeAttr(DataType.DT_INT32),
      Tshape: typeAttr(DataType.DT_INT32),
    },
  );
  return `${name}/vector`;
}

const DEPENDENT: Readonly<Record<string, Case>> = {
  softmax_over_rows: {
    build: (graph) => {
      reduce(graph, 'Sum', 'scores', [1]);
      graph.add('y', 'Softmax', ['scores'], FLOAT);
    },
    answer: (rows) => {
      const powers = rows.map((row) => Math.exp(sum(row)));
      return powers.map((power) => power / sum(powers));
    },
  },
  batch_statistics: {
    build: (graph) => {
      reduce(graph, 'Mean', 'mean', [0]);
      graph.add('y', 'Sub', ['x', 'mean'], FLOAT);
    },
    answer: (rows) => rows.map((row) => row.map((value, i) => value - meanOf(column(rows, i)))),
  },
  cumulative_sum: {
    build: (graph) => {
      graph.add('y', 'Cumsum', ['x', rank0(graph, 'axis')], OVER);
    },
    answer: (rows) => rows.map((row, r) => row.map((_, i) => sum(column(rows.slice(0, r + 1), i)))),
  },
  largest_of_points: {
    build: (graph) => {
      reduce(graph, 'Max', 'largest', [0]);
      graph.add('y', 'Mul', ['x', 'largest'], FLOAT);
    },
    answer: (rows) => rows.map((row) => row.map((v, i) => v * Math.max(...column(rows, i)))),
  },
  condition_on_mean: {
    build: (graph) => {
      reduce(graph, 'Mean', 'mean', [0, 1]);
      graph.add('above', 'Greater', ['mean', scalar(graph, 'zero', 0)], FLOAT);
      graph.add('negative', 'Neg', ['x'], FLOAT);
      graph.add('y', 'SelectV2', ['above', 'x', 'negative'], FLOAT);
    },
    answer: (rows) => (meanOf(rows.flat()) > 0 ? rows : rows.map((row) => row.map((v) => -v))),
  },
  kept_rows: {
    build: (graph) => {
      keepRows(graph, 0);
    },
    answer: (rows) => rows.filter(([first = 0]) => first < 0),
  },
};

/** Rows are independent on all that an examination at load can try; see the test. */
const SOMETIMES: Case = {
  build: (graph) => {
    keepRows(graph, 1000);
  },
  answer: (rows) => rows.filter(([first = 0]) => first < 1000),
};

const DOUBLES: Case = {
  build: (graph) => {
    graph.add('y', 'Mul', ['x', scalar(graph, 'two', 2)], FLOAT);
  },
  answer: (rows) => rows.map((row) => row.map((value) => 2 * value)),
};

let folder: string;
let repository: string;
let service: Service;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rows-'));
  repository = path.join(folder, 'models');
  for (const [name, { build }] of Object.entries(DEPENDENT)) await addModel(name, build);
  await addModel('sometimes', SOMETIMES.build);
  await addModel('doubles', DOUBLES.build);
  await addModel('forbidden', DOUBLES.build, { batching: false });
  await addModel('declared', DOUBLES.build, { batching: { independentRows: false } });
  service = await startTestService({
    modelRepository: repository,
    cache: path.join(folder, 'cache'),
    optimize: true,
    maxBatchSize: MAX_BATCH,
  });
});
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

async function addModel(
  name: string,
  build: (graph: FlatGraph) => void,
  config: object = {},
): Promise<void> {
  const folder = path.join(repository, name, '1');
  await mkdir(folder, { recursive: true });
  const shape = [-1, WIDTH];
  await writeSavedModel(folder, metaOf(graphOf(shape, build), shape, { y: { node: 'y' } }));
  await writeFile(path.join(repository, name, 'model.json'), JSON.stringify(config));
}

/** Numbers that are exact in float32, their mean above nought for an even seed and below for an odd one. */
function rowsOf(count: number, seed: number): number[][] {
  return Array.from({ length: count }, (_, r) =>
    Array.from(
      { length: WIDTH },
      (_, i) => (((r * 7 + i * 3 + seed * 5) % 16) - 7.5) / 8 + (seed % 2 === 0 ? 0.25 : -0.25),
    ),
  );
}

async function predict(model: string, rows: readonly (readonly number[])[]): Promise<unknown> {
  const response = await fetch(`${service.url}/v1/models/${model}:predict`, {
    method: 'POST',
    body: JSON.stringify({ inputs: { x: rows } }),
  });
  const body = (await response.json()) as { outputs?: unknown };
  return response.ok ? body.outputs : body;
}

interface ServableStatus {
  readonly batching: { readonly batchable: boolean };
  readonly signatures: Readonly<Record<string, { readonly rows: object }>>;
}

async function statusOf(model: string): Promise<ServableStatus> {
  const response = await fetch(`${service.url}/models/${model}`);
  return ((await response.json()) as { readonly servable: ServableStatus }).servable;
}

function near(expected: unknown): unknown {
  if (typeof expected === 'number') return expect.closeTo(expected, 4) as unknown;
  return Array.isArray(expected) ? expected.map(near) : expected;
}

describe.each(Object.entries(DEPENDENT))('%s', (name, { answer }) => {
  test('a request of more rows than a batch has is answered as TensorFlow answers it', async () => {
    for (const seed of [0, 1]) {
      const rows = rowsOf(ROWS, seed);
      expect(await predict(name, rows)).toEqual(near(answer(rows)));
    }
  });

  test('clients that ask at the same time do not change the answers of each other', async () => {
    const requests = Array.from({ length: 24 }, (_, seed) => rowsOf(1 + (seed % 3), seed));
    const answers = await Promise.all(requests.map((rows) => predict(name, rows)));
    expect(answers).toEqual(requests.map((rows) => near(answer(rows))));
  });

  test('its status says that rows belong together, and why', async () => {
    const { batching, signatures } = await statusOf(name);
    expect(batching.batchable).toBe(false);
    expect(signatures['serving_default']?.rows).toEqual({
      independent: false,
      reason: expect.stringContaining('output "y"') as unknown,
    });
  });
});

test('independent rows share runs, and requests longer than a batch are cut', async () => {
  const { batching, signatures } = await statusOf('doubles');
  expect(batching.batchable).toBe(true);
  expect(signatures['serving_default']?.rows).toEqual({ independent: true });

  const rows = rowsOf(ROWS, 0);
  expect(await predict('doubles', rows)).toEqual(DOUBLES.answer(rows));
  expect(await runsOf('doubles')).toBe(2);
});

test.each(['forbidden', 'declared'])('%s: model.json goes before examination', async (name) => {
  expect((await statusOf(name)).batching.batchable).toBe(false);

  const rows = rowsOf(ROWS, 0);
  expect(await predict(name, rows)).toEqual(DOUBLES.answer(rows));
  expect(await runsOf(name)).toBe(1);
});

test('the first answer in service with other rows than its inputs stops batching for good', async () => {
  expect((await statusOf('sometimes')).batching.batchable).toBe(true);
  // In one piece, so that what joins the parts finds out.
  const long = rowsOf(ROWS, 0).map((row, r) => (r === 2 ? [2000, ...row.slice(1)] : row));
  expect(await predict('sometimes', long)).toEqual(near(SOMETIMES.answer(long)));

  const { batching, signatures } = await statusOf('sometimes');
  expect(batching.batchable).toBe(false);
  expect(signatures['serving_default']?.rows).toMatchObject({ independent: false });

  const requests = Array.from({ length: 12 }, (_, seed) => [
    [seed % 2 === 0 ? 5000 : 1, 1, 1, 1],
    ...rowsOf(2, seed),
  ]);
  const answers = await Promise.all(requests.map((rows) => predict('sometimes', rows)));
  expect(answers).toEqual(requests.map((rows) => near(SOMETIMES.answer(rows))));
});

/** Runs of a model so far. */
async function runsOf(model: string): Promise<number> {
  const response = await fetch(`${service.url}/v2/models/${model}/stats`);
  const { model_stats: [stats] = [] } = (await response.json()) as {
    readonly model_stats?: readonly { readonly execution_count: number }[];
  };
  return stats?.execution_count ?? NaN;
}
