import { clone, create } from '@bufbuild/protobuf';

import { shapeAttr, typeAttr } from '../graph/attributes';
import { NotRewritableError } from '../not-rewritable';
import {
  DataType,
  MetaGraphDefSchema,
  NodeDefSchema,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorShapeProtoSchema,
  type MetaGraphDef,
  type NodeDef,
  type SignatureDef,
} from '../../saved-model/protobuf/tensorflow_pb';
import type { Signature, TensorSpec } from '../../kernel/tensor';
import { GraphBuilder } from './graph-builder';
import { IMAGE_SIGNATURE, PIXELS_IN, type ImagePlan } from './image-plan';
import { addPostprocessing } from './postprocess-nodes';
import { addPreprocessing } from './preprocess-nodes';

type TensorInfo = SignatureDef['inputs'][string];

/**
 * One more signature over the same nodes, from pixels to what is answered. The model's own input
 * takes the prepared pixels unless it is fed: its own signatures feed it, and stay what they are.
 * @param signature the one of the plan, as the model has it
 * @throws NotRewritableError when the input is not a placeholder
 */
export function addImageSignature(
  meta: MetaGraphDef,
  plan: ImagePlan,
  signature: Signature,
): MetaGraphDef {
  const extended = clone(MetaGraphDefSchema, meta);
  const definition = extended.signatureDef[plan.signature];
  const nodes = extended.graphDef?.node ?? [];
  const input = signature.inputs.find(({ name }) => name === plan.input.name);
  const [main = ''] = plan.outputs;
  const output = signature.outputs.find(({ name }) => name === main);
  const whole = definition?.outputs[main];
  const own = plan.outputs.flatMap((name) => {
    const info = definition?.outputs[name];
    return info === undefined ? [] : [[name, info] as const];
  });
  if (
    definition === undefined ||
    input === undefined ||
    output === undefined ||
    whole?.encoding.case !== 'name' ||
    own.length < plan.outputs.length
  ) {
    throw new NotRewritableError('the signature for images is not in the graph');
  }
  if (extended.signatureDef[IMAGE_SIGNATURE] !== undefined) {
    throw new NotRewritableError(`it has a signature "${IMAGE_SIGNATURE}" of its own`);
  }
  const builder = new GraphBuilder();
  let { inputs } = definition;
  if (plan.preprocess) {
    const shape = pixelsShape(input, plan.input.layout);
    const pixels = builder.add('Placeholder', [], {
      dtype: typeAttr(DataType.DT_UINT8),
      shape: shapeAttr(shape),
    });
    replaceInput(nodes, input, addPreprocessing(builder, pixels, plan));
    inputs = { [PIXELS_IN]: tensorInfo(pixels, DataType.DT_UINT8, shape) };
  }
  const added =
    plan.postprocess === undefined
      ? {}
      : addPostprocessing(builder, whole.encoding.value, output, plan.postprocess);
  const names = new Set(nodes.map(({ name }) => name));
  if (builder.nodes.some(({ name }) => names.has(name))) {
    throw new NotRewritableError('it has an image signature already');
  }
  nodes.push(...builder.nodes);
  extended.signatureDef[IMAGE_SIGNATURE] = create(SignatureDefSchema, {
    inputs,
    outputs: {
      ...Object.fromEntries(own),
      ...Object.fromEntries(
        Object.entries(added).map(([name, { tensor, dtype, shape }]) => [
          name,
          tensorInfo(tensor, dtype, shape),
        ]),
      ),
    },
    methodName: definition.methodName,
  });
  return extended;
}

/** A placeholder that is `tensor` when it is not fed. */
function replaceInput(nodes: NodeDef[], { node: fed }: TensorSpec, tensor: string): void {
  const name = fed.replace(/:0$/, '');
  const index = nodes.findIndex((node) => node.name === name);
  const placeholder = nodes[index];
  if (placeholder?.op !== 'Placeholder') {
    throw new NotRewritableError('the input for images is not a placeholder');
  }
  const { dtype, shape } = placeholder.attr;
  nodes[index] = create(NodeDefSchema, {
    name,
    op: 'PlaceholderWithDefault',
    input: [tensor],
    attr: {
      ...(dtype === undefined ? {} : { dtype }),
      shape: shape ?? shapeAttr(undefined),
    },
  });
}

function pixelsShape({ shape }: TensorSpec, layout: 'NHWC' | 'NCHW'): number[] {
  const [rows = -1, second = -1, third = -1, fourth = -1] = shape ?? [];
  return layout === 'NHWC' ? [rows, second, third, 3] : [rows, third, fourth, 3];
}

function tensorInfo(tensor: string, dtype: DataType, shape: readonly number[]): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: 'name', value: tensor.includes(':') ? tensor : `${tensor}:0` },
    dtype,
    tensorShape: create(TensorShapeProtoSchema, {
      dim: shape.map((size) => ({ size: BigInt(size) })),
    }),
  });
}
