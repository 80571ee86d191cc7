import type { Signature, Tensor, TensorSpec } from '../kernel/tensor';

/** How a client writes tensors of one number per row: as `[n]` or as `[n, 1]`. */
type Form = 'flat' | 'column';

export interface Fitted {
  /** In the shapes of the signature where the form was all that differed. */
  readonly inputs: readonly Tensor[];
  /** Outputs in the form that the client writes. */
  readonly mirror: (outputs: readonly Tensor[]) => readonly Tensor[];
}

/**
 * `[?]` and `[?, 1]` hold the same elements. TensorFlow Serving's own first example sends `[n]` to a
 * signature of `[?, 1]`, and Triton's clients send `[n, 1]` to one of `[?]`: each is taken for the other, and
 * outputs of these shapes come back as the inputs were sent. A request that mixes the forms is answered as the
 * signature has it. No other difference in rank is let through: some operations abort the process.
 */
export function fitColumns(signature: Signature, inputs: readonly Tensor[]): Fitted {
  let form: Form | undefined;
  const sent = new Set<Form>();
  const fitted = inputs.map((input) => {
    const wanted = formOf(specOf(signature.inputs, input.name));
    const given = wanted === undefined ? undefined : writtenForm(input);
    if (wanted === undefined || given === undefined) return input;
    sent.add(given);
    if (given === wanted) return input;
    form = given;
    return inForm(input, wanted);
  });
  if (form === undefined) return { inputs, mirror: (outputs) => outputs };
  const answered = sent.size === 1 ? form : undefined;
  return {
    inputs: fitted,
    mirror: (outputs) =>
      answered === undefined
        ? outputs
        : outputs.map((output) => {
            const own = formOf(specOf(signature.outputs, output.name));
            // What the model really answered counts: a signature does not bind it.
            return own === undefined || own === answered || writtenForm(output) !== own
              ? output
              : inForm(output, answered);
          }),
  };
}

function specOf(specs: readonly TensorSpec[], name: string): TensorSpec | undefined {
  return specs.find((spec) => spec.name === name);
}

function formOf(spec: TensorSpec | undefined): Form | undefined {
  const [rows, width] = spec?.shape ?? [];
  if (rows !== -1) return undefined;
  if (spec?.shape?.length === 1) return 'flat';
  return spec?.shape?.length === 2 && width === 1 ? 'column' : undefined;
}

function writtenForm({ shape }: Tensor): Form | undefined {
  if (shape.length === 1) return 'flat';
  return shape.length === 2 && shape[1] === 1 ? 'column' : undefined;
}

function inForm(tensor: Tensor, form: Form): Tensor {
  const rows = tensor.shape.slice(0, 1);
  return { ...tensor, shape: form === 'flat' ? rows : [...rows, 1] };
}
