import type { Servable } from '../../models/servable';
import type { TensorSpec } from '../../kernel/tensor';

/** Type name of a signature_def inside an Any message, as proto3 writes it in JSON. */
const SIGNATURE_DEF_TYPE = 'type.googleapis.com/tensorflow.serving.SignatureDefMap';

/** GetModelMetadataResponse: the signatures of one version. */
export function modelMetadataBody({ name, version, signatures }: Servable): object {
  return {
    model_spec: { name, signature_name: '', version: String(version) },
    metadata: {
      signature_def: {
        '@type': SIGNATURE_DEF_TYPE,
        signature_def: Object.fromEntries(
          Object.entries(signatures).map(([key, { inputs, outputs, methodName }]) => [
            key,
            {
              inputs: tensors(inputs),
              outputs: tensors(outputs),
              method_name: methodName,
              defaults: {},
            },
          ]),
        ),
      },
    },
  };
}

function tensors(specs: readonly TensorSpec[]): object {
  return Object.fromEntries(
    specs.map(({ name, tfDtype, shape, node }) => [
      name,
      {
        dtype: tfDtype,
        tensor_shape: {
          dim: (shape ?? []).map((size) => ({ size: String(size), name: '' })),
          unknown_rank: shape === undefined,
        },
        name: node,
      },
    ]),
  );
}
