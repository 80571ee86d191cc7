import { create } from '@bufbuild/protobuf';
import { z } from 'zod';

import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { OpCatalog } from '../../../rewriter/graph/op-catalog';
import { nodeOf, parseFlat } from '../../../rewriter/graph/references';
import { typeOf } from '../../../rewriter/graph/attributes';
import {
  DataType,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorShapeProtoSchema,
  type NodeDef,
  type SignatureDef,
  type TensorInfo,
  type TensorShapeProto,
} from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';

const tensorSchema = z.object({
  name: z.string().optional(),
  tensorShape: z
    .object({
      dim: z.array(z.object({ size: z.union([z.string(), z.number()]).optional() })).optional(),
      unknownRank: z.boolean().optional(),
    })
    .optional(),
  /** Of a tensor that the model brings along, such as a table. */
  resourceId: z.unknown().optional(),
});
const tensorsSchema = z.record(z.string(), tensorSchema);
const signatureSchema = z.object({
  inputs: tensorsSchema.nullish(),
  outputs: tensorsSchema.nullish(),
});
type TensorJson = z.infer<typeof tensorSchema>;

/** Nodes that no one reads, and that still are no output. */
const NO_OUTPUTS: readonly string[] = ['NoOp', 'Const', 'Placeholder'];

/**
 * The signature that a package states; where it states none, every placeholder is an input, and every
 * node that no other reads is an output.
 * @throws ImportError when it names what the graph does not have
 */
export function signatureFromJson(json: unknown, graph: FlatGraph): SignatureDef {
  const parsed = signatureSchema.safeParse(json ?? {});
  if (!parsed.success) {
    throw new ImportError(`the signature cannot be read: ${z.prettifyError(parsed.error)}`);
  }
  const inputs = notEmpty(parsed.data.inputs) ?? named(placeholders(graph));
  const outputs = notEmpty(parsed.data.outputs) ?? named(unread(graph));
  return create(SignatureDefSchema, {
    inputs: tensorInfos(inputs, graph),
    outputs: tensorInfos(outputs, graph),
    methodName: 'tensorflow/serving/predict',
  });
}

function notEmpty(
  tensors: Record<string, TensorJson> | null | undefined,
): Record<string, TensorJson> | undefined {
  const entries = Object.entries(tensors ?? {}).filter(
    ([, { resourceId }]) => resourceId === undefined || resourceId === null,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function placeholders(graph: FlatGraph): NodeDef[] {
  return [...graph.nodes()].filter(({ op }) => op === 'Placeholder');
}

function unread(graph: FlatGraph): NodeDef[] {
  const read = new Set([...graph.nodes()].flatMap(({ input }) => input.map(nodeOf)));
  return [...graph.nodes()].filter(({ name, op }) => !read.has(name) && !NO_OUTPUTS.includes(op));
}

function named(nodes: readonly NodeDef[]): Record<string, TensorJson> {
  return Object.fromEntries(nodes.map(({ name }) => [name, { name }]));
}

function tensorInfos(
  tensors: Readonly<Record<string, TensorJson>>,
  graph: FlatGraph,
): Record<string, TensorInfo> {
  const catalog = new OpCatalog([], []);
  return Object.fromEntries(
    Object.entries(tensors).map(([key, { name = key, tensorShape }]) => {
      const { node: nodeName, index } = parseFlat(name);
      const node = graph.find(nodeName);
      if (node === undefined) {
        throw new ImportError(`the signature names the node "${nodeName}", which the graph lacks`);
      }
      // What is stated may be the type before the conversion; the graph decides.
      const dtype = catalog.outputTypes(node)[index] ?? DataType.DT_INVALID;
      const shape = tensorShape === undefined ? placeholderShape(node) : shapeOf(tensorShape);
      const info = create(TensorInfoSchema, {
        encoding: { case: 'name', value: `${nodeName}:${index}` },
        dtype: node.op === 'Placeholder' ? (typeOf(node.attr, 'dtype') ?? dtype) : dtype,
        tensorShape: shape ?? create(TensorShapeProtoSchema, { unknownRank: true }),
      });
      return [key, info];
    }),
  );
}

function shapeOf({ dim, unknownRank }: NonNullable<TensorJson['tensorShape']>): TensorShapeProto {
  // A scalar has no dimensions either; only the flag says that the rank is open.
  return unknownRank === true
    ? create(TensorShapeProtoSchema, { unknownRank })
    : create(TensorShapeProtoSchema, {
        dim: (dim ?? []).map(({ size = 0 }) => ({ size: BigInt(size) })),
      });
}

function placeholderShape(node: NodeDef): TensorShapeProto | undefined {
  const shape = node.attr.shape?.value;
  return shape?.case === 'shape' ? shape.value : undefined;
}
