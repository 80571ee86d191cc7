import { graphFromJson } from '../../../../src/commands/import/graph-model/graph-json';
import { DataType } from '../../../../src/saved-model/protobuf/tensorflow_pb';

test('attributes in JSON become those of the GraphDef', () => {
  const graph = graphFromJson({
    node: [
      {
        name: 'conv',
        op: 'Conv2D',
        input: ['x', 'w'],
        attr: {
          T: { type: 'DT_FLOAT' },
          padding: { s: 'U0FNRQ==' },
          data_format: { s: [78, 72, 87, 67] },
          strides: { list: { i: ['1', 2, '2', '1'] } },
          use_cudnn_on_gpu: { b: true },
          epsilon: { f: 0.001 },
          count: { i: '9007199254740993' },
          shape: { shape: { dim: [{ size: '-1' }, { size: '3' }] } },
          unknown: { shape: { unknownRank: true } },
          fused_ops: { list: { s: ['Qmlhc0FkZA==', 'UmVsdQ=='] } },
          _output_shapes: { list: { shape: [{ dim: [{ size: '4' }] }] } },
        },
        fieldOfTheFuture: 1,
      },
    ],
    versions: { producer: 440 },
  });

  const [node] = graph.node;
  const values = Object.fromEntries(
    Object.entries(node!.attr).map(([name, { value }]) => [name, value]),
  );
  expect(graph.versions?.producer).toBe(440);
  expect(node).toMatchObject({ name: 'conv', op: 'Conv2D', input: ['x', 'w'] });
  expect(values).toMatchObject({
    T: { case: 'type', value: DataType.DT_FLOAT },
    padding: { case: 's' },
    strides: { case: 'list', value: { i: [1n, 2n, 2n, 1n] } },
    use_cudnn_on_gpu: { case: 'b', value: true },
    epsilon: { case: 'f', value: 0.001 },
    count: { case: 'i', value: 9007199254740993n },
    shape: { case: 'shape', value: { dim: [{ size: -1n }, { size: 3n }] } },
    unknown: { case: 'shape', value: { unknownRank: true } },
    _output_shapes: { case: 'list', value: { shape: [{ dim: [{ size: 4n }] }] } },
  });
  const text = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString();
  expect(text(values.padding?.value)).toBe('SAME');
  expect(text(values.data_format?.value)).toBe('NHWC');
});

test('what is not a graph is refused', () => {
  expect(() => graphFromJson({ node: [{ name: 3 }] })).toThrow(/the graph cannot be read/);
});
