import { create } from '@bufbuild/protobuf';
import * as tf from '@tensorflow/tfjs';

import { shapeAttr, typeAttr } from '../../../rewriter/graph/attributes';
import {
  DataType,
  SignatureDefSchema,
  TensorInfoSchema,
  TensorShapeProtoSchema,
  type MetaGraphDef,
  type TensorInfo,
} from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';
import { servedMetaGraph } from '../served-meta-graph';
import { tensorNames } from '../tfjs/tensor-names';
import type { LayerShape, LayerWeight } from './layer-call';
import { LayerGraph, nodeName } from './layer-graph';
import { layerKind } from './layer-kinds';

/**
 * A layers model of TensorFlow.js as the graph of a SavedModel, its weights constants. Inputs and
 * outputs have the names of their layers.
 * @param model as TensorFlow.js loaded it: which weight belongs to which layer is its decision
 * @throws ImportError naming a layer that is not imported, or set so
 */
export function convertLayersModel(model: tf.LayersModel): MetaGraphDef {
  const walk = new LayerWalk();
  const { graph } = walk;
  const inputNames = tensorNames(model.inputs);
  const outputNames = tensorNames(model.outputs);
  const inputs: Record<string, TensorInfo> = {};
  const fed = model.inputs.map((symbol, index) => {
    const name = inputNames[index] ?? '';
    const dtype = symbol.dtype === 'int32' ? DataType.DT_INT32 : DataType.DT_FLOAT;
    const node = graph.flat.freeName(nodeName(name));
    const shape = symbol.shape.map((size) => size ?? -1);
    graph.flat.add(node, 'Placeholder', [], { dtype: typeAttr(dtype), shape: shapeAttr(shape) });
    inputs[name] = tensorInfo(node, dtype, symbol.shape);
    if (dtype === DataType.DT_FLOAT) return node;
    return graph.cast(name, node, dtype, DataType.DT_FLOAT);
  });
  const answered = walk.run(model, fed);
  const outputs = Object.fromEntries(
    model.outputs.map((symbol, index) => {
      const name = outputNames[index] ?? '';
      // A tensor cannot be fed and fetched at once, as where all layers are for training only.
      const node = graph.op(`outputs/${name}`, 'Identity', [answered[index] ?? '']);
      return [name, tensorInfo(node, DataType.DT_FLOAT, symbol.shape)];
    }),
  );
  const signature = create(SignatureDefSchema, {
    inputs,
    outputs,
    methodName: 'tensorflow/serving/predict',
  });
  return servedMetaGraph(graph.flat, signature);
}

function tensorInfo(node: string, dtype: DataType, shape: LayerShape): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: 'name', value: `${node}:0` },
    dtype,
    tensorShape: create(TensorShapeProtoSchema, {
      dim: shape.map((size) => ({ size: BigInt(size ?? -1) })),
    }),
  });
}

/** Follows the layers from the outputs back to the inputs, models inside models included. */
class LayerWalk {
  readonly graph = new LayerGraph();
  /** Constants, by the id of the variable that they stand for. */
  readonly #constants = new Map<number, string>();

  /** @returns the tensors of the model's outputs */
  run(model: tf.LayersModel, inputs: readonly string[]): string[] {
    const known = new Map(model.inputs.map(({ id }, index) => [id, inputs[index] ?? '']));
    const tensorOf = (symbol: tf.SymbolicTensor): string => {
      const made = known.get(symbol.id);
      if (made !== undefined) return made;
      const { sourceLayer: layer, nodeIndex } = symbol;
      const node = layer.inboundNodes[nodeIndex];
      if (node === undefined) throw new Error(`the layer ${layer.name} has no node ${nodeIndex}`);
      const outputs = this.#call(layer, node.inputTensors.map(tensorOf), node);
      for (const [index, output] of node.outputTensors.entries()) {
        known.set(output.id, outputs[index] ?? '');
      }
      return known.get(symbol.id) ?? '';
    };
    return model.outputs.map(tensorOf);
  }

  #call(
    layer: tf.layers.Layer,
    inputs: readonly string[],
    node: tf.layers.Layer['inboundNodes'][number],
  ): readonly string[] {
    if (layer instanceof tf.LayersModel) return this.run(layer, inputs);
    const className = layer.getClassName();
    const kind = layerKind(className);
    if (kind === undefined) {
      throw new ImportError(`the layer "${layer.name}" (${className}) is not supported`);
    }
    const tensor = kind({
      graph: this.graph,
      name: layer.name,
      className,
      config: layer.getConfig(),
      inputs,
      inputShapes: node.inputTensors.map(({ shape }) => shape),
      outputShape: node.outputTensors[0]?.shape ?? [],
      weight: (name) => this.#weight(layer, name),
    });
    return [tensor];
  }

  #weight(layer: tf.layers.Layer, name: string): LayerWeight {
    const variable = layer.weights.find(
      ({ originalName }) => originalName.split('/').at(-1) === name,
    );
    if (variable === undefined) {
      throw new ImportError(`the layer "${layer.name}" has no weight "${name}"`);
    }
    const value = variable.read();
    const values = Float32Array.from(value.dataSync());
    const { shape } = value;
    return {
      shape,
      values,
      tensor: () => {
        const constant =
          this.#constants.get(variable.id) ??
          this.graph.floats(`${layer.name}/${name}`, values, shape);
        this.#constants.set(variable.id, constant);
        return constant;
      },
    };
  }
}
