import type { VersionPolicy } from '../../models/model-config';
import type { ModelStatus } from '../../models/model-manager';
import type { Servable } from '../../models/servable';
import type { TensorSpec } from '../../kernel/tensor';
import { maxBatchSizeOf } from './batch-dimension';
import { datatypeName } from './datatypes';
import { PLATFORM } from './model-metadata';

const US_PER_MS = 1000;

/** The model's settings in the words of Triton's model configuration. */
export function modelConfigurationBody(
  status: Pick<ModelStatus, 'versionPolicy'>,
  servable: Pick<Servable, 'name' | 'spec' | 'device' | 'instances'>,
): object {
  const { name, spec, device, instances } = servable;
  const { batching, signature, batchable } = spec;
  const maxBatchSize = maxBatchSizeOf(spec);
  const dims = (shape: readonly number[] | undefined): readonly number[] =>
    shape === undefined ? [-1] : maxBatchSize > 0 ? shape.slice(1) : shape;
  return {
    name,
    platform: PLATFORM,
    backend: 'tensorflow',
    version_policy: versionPolicy(status.versionPolicy),
    max_batch_size: maxBatchSize,
    input: signature.inputs.map((input) => ({
      ...tensorConfiguration(input),
      format: formatOf(spec.image, input.name, dims(input.shape)),
      dims: dims(input.shape),
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
    })),
    output: signature.outputs.map((output) => ({
      ...tensorConfiguration(output),
      dims: dims(output.shape),
      label_filename: '',
      is_shape_tensor: false,
    })),
    batch_input: [],
    batch_output: [],
    ...(batchable ? { dynamic_batching: dynamicBatching(batching) } : {}),
    instance_group: [
      {
        name,
        kind: device === 'gpu' ? 'KIND_GPU' : 'KIND_CPU',
        count: instances.total,
        gpus: [],
        secondary_devices: [],
        profile: [],
        passive: false,
        host_policy: '',
      },
    ],
    default_model_filename: 'saved_model.pb',
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {},
    model_warmup: [],
    response_cache: { enable: false },
  };
}

/** Where the channels of a picture are; Triton has names for pictures of three dimensions alone. */
function formatOf(
  image: Servable['spec']['image'],
  input: string,
  dims: readonly number[],
): string {
  return image?.inputName === input && dims.length === 3 ? `FORMAT_${image.layout}` : 'FORMAT_NONE';
}

function tensorConfiguration({ name, tfDtype }: TensorSpec): object {
  const datatype = datatypeName(tfDtype);
  return { name, data_type: `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}` };
}

function dynamicBatching(batching: Servable['spec']['batching']): object {
  return {
    preferred_batch_size: batching.allowedBatchSizes,
    max_queue_delay_microseconds: Math.round(batching.maxQueueDelayMs * US_PER_MS),
    preserve_ordering: false,
    priority_levels: 0,
    default_priority_level: 0,
    default_queue_policy: {
      timeout_action: 'REJECT',
      default_timeout_microseconds: Math.round(batching.queueTimeoutMs * US_PER_MS),
      allow_timeout_override: true,
      max_queue_size: batching.maxQueueSize,
    },
    priority_queue_policy: {},
  };
}

function versionPolicy(policy: VersionPolicy): object {
  if (policy === 'all') return { all: {} };
  return 'latest' in policy
    ? { latest: { num_versions: policy.latest } }
    : { specific: { versions: policy.specific } };
}
