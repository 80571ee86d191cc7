import { typeAttr } from '../../src/rewriter/graph/attributes';
import { DataType } from '../../src/saved-model/protobuf/tensorflow_pb';
import {
  ModelSketch,
  type Shape,
  type SketchedSignature,
  type SketchedTensor,
} from './model-sketch';

/** An output: `0.5 · input + 2` of a float32 input, an input as it is, or numbers that never change. */
type OutputSketch =
  | { readonly half: string; readonly shape: Shape }
  | { readonly same: string; readonly shape: Shape }
  | { readonly numbers: readonly number[]; readonly shape: readonly number[] };

export interface SignatureSketch {
  readonly inputs: Readonly<
    Record<string, { readonly dtype?: DataType | undefined; readonly shape: Shape }>
  >;
  readonly outputs: Readonly<Record<string, OutputSketch>>;
  /** @default tensorflow/serving/predict */
  readonly methodName?: string;
}

/** Writes a SavedModel without variables, of signatures with any names and shapes. */
export async function writeSignatures(
  directory: string,
  signatures: Readonly<Record<string, SignatureSketch>>,
): Promise<void> {
  const model = new ModelSketch();
  const sketched = Object.entries(signatures).map(([name, sketch]) => [name, add(model, sketch)]);
  await model.write(directory, Object.fromEntries(sketched));
}

function add(
  model: ModelSketch,
  { inputs, outputs, methodName }: SignatureSketch,
): SketchedSignature {
  const placed = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype = DataType.DT_FLOAT, shape }]) => {
      const tensor: SketchedTensor = { node: model.placeholder(dtype, shape), dtype, shape };
      return [name, tensor];
    }),
  );
  const input = (name: string): SketchedTensor => {
    const found = placed[name];
    if (found === undefined) throw new Error(`the sketch has no input "${name}"`);
    return found;
  };
  const float = { T: typeAttr(DataType.DT_FLOAT) };
  const answered = (sketch: OutputSketch): SketchedTensor => {
    const { shape } = sketch;
    if ('numbers' in sketch) {
      return { node: model.floats(sketch.numbers, sketch.shape), dtype: DataType.DT_FLOAT, shape };
    }
    if ('half' in sketch) {
      const scaled = model.add('Mul', [input(sketch.half).node, model.floats([0.5])], float);
      const node = model.add('AddV2', [scaled, model.floats([2])], float);
      return { node, dtype: DataType.DT_FLOAT, shape };
    }
    const { node, dtype } = input(sketch.same);
    return { node: model.add('Identity', [node], { T: typeAttr(dtype) }), dtype, shape };
  };
  return {
    inputs: placed,
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, sketch]) => [name, answered(sketch)]),
    ),
    methodName,
  };
}
