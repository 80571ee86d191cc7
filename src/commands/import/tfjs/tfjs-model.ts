import * as tf from '@tensorflow/tfjs';

import { isByteStrings, type Signature, type Tensor } from '../../../kernel/tensor';
import { ImportError } from '../import-error';
import { parseFlat } from '../../../rewriter/graph/references';
import type { TfjsPackage } from '../package/tfjs-package';
import { tensorNames } from './tensor-names';
import { registerPackagedLayers } from './packaged-layers';

/** A model as TensorFlow.js itself loads and runs it, in plain JavaScript on the CPU. */
export type TfjsModel =
  | { readonly kind: 'graph'; readonly model: tf.GraphModel }
  | { readonly kind: 'layers'; readonly model: tf.LayersModel };

/** @throws Error of TensorFlow.js where it cannot load the model */
export async function loadTfjsModel(source: TfjsPackage): Promise<TfjsModel> {
  await tf.setBackend('cpu');
  const artifacts: tf.io.ModelArtifacts = {
    format: source.format,
    modelTopology: source.topology,
    weightSpecs: structuredClone(source.weightSpecs) as tf.io.WeightsManifestEntry[],
    weightData: exactBuffer(source.weightBytes),
    ...(typeof source.signature === 'object' && source.signature !== null
      ? { signature: source.signature }
      : {}),
  };
  const handler: tf.io.IOHandler = { load: () => Promise.resolve(artifacts) };
  if (source.format === 'graph-model') {
    return { kind: 'graph', model: await tf.loadGraphModel(handler) };
  }
  registerPackagedLayers();
  return { kind: 'layers', model: await tf.loadLayersModel(handler) };
}

/**
 * Runs the model on inputs of the signature that it was imported with.
 * @returns its outputs in the order of the signature, of the types that TensorFlow.js has
 */
export async function runTfjsModel(
  loaded: TfjsModel,
  signature: Signature,
  inputs: readonly Tensor[],
): Promise<Tensor[]> {
  const fed = inputs.map((input) => toTfjs(input));
  const nodeOf = (specs: Signature['inputs'], name: string): string =>
    parseFlat(specs.find((spec) => spec.name === name)?.node ?? name).node;
  const { outputs } = signature;
  let answered: tf.Tensor[];
  if (loaded.kind === 'graph') {
    const feeds = Object.fromEntries(
      inputs.map(({ name }, index) => [nodeOf(signature.inputs, name), at(fed, index)]),
    );
    const fetched = outputs.map(({ node }) => node);
    answered = [await loaded.model.executeAsync(feeds, fetched)].flat();
  } else {
    const { model } = loaded;
    const ordered = tensorNames(model.inputs).map((name) =>
      at(
        fed,
        inputs.findIndex((input) => input.name === name),
      ),
    );
    const results = [model.predict(ordered)].flat();
    const names = tensorNames(model.outputs);
    answered = outputs.map(({ name }) => at(results, names.indexOf(name)));
  }
  const tensors = await Promise.all(
    answered.map(async (tensor, index): Promise<Tensor> => {
      const values = await tensor.data();
      return {
        name: outputs[index]?.name ?? '',
        dtype: tensor.dtype,
        shape: tensor.shape,
        data: values,
      };
    }),
  );
  tf.dispose([...fed, ...answered]);
  return tensors;
}

function toTfjs({ name, dtype, shape, data }: Tensor): tf.Tensor {
  if (isByteStrings(data)) throw new ImportError(`the input "${name}" is a text`);
  const numbers = Array.from(data, Number);
  const type = dtype === 'float32' || dtype === 'bool' ? dtype : 'int32';
  return tf.tensor(numbers, [...shape], type);
}

function at(tensors: readonly tf.Tensor[], index: number): tf.Tensor {
  const tensor = tensors[index];
  if (tensor === undefined)
    throw new ImportError('TensorFlow.js names other tensors than the signature');
  return tensor;
}

function exactBuffer(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
