import { z } from 'zod';

import { DATATYPES } from '../oip/datatypes';
import { named } from './naming';

const count = z.number().int().min(0);
const shape = z.array(z.number().int()).describe('-1: any size');
const open = z.record(z.string(), z.unknown());

export const serverMetadataSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: 'ServerMetadata' });

export const modelReadySchema = z
  .object({ name: z.string(), ready: z.boolean() })
  .meta({ id: 'ModelReady' });

const tensorMetadata = z
  .object({ name: z.string(), datatype: z.string(), shape })
  .meta({ id: 'TensorMetadata' });

export const modelMetadataSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorMetadata),
    outputs: z.array(tensorMetadata),
  })
  .meta({ id: 'ModelMetadataV2' });

export const inferResponseSchema = z
  .object({
    id: z.string().optional().describe('As sent'),
    model_name: z.string(),
    model_version: z.string(),
    outputs: z.array(
      z
        .object({
          name: z.string(),
          datatype: z.enum(DATATYPES),
          shape,
          parameters: open.optional(),
          data: z.array(z.unknown()).optional().describe('Flat, row-major'),
        })
        .meta({ id: 'InferenceOutput' }),
    ),
  })
  .meta({ id: 'InferenceResponse' });

const duration = z.object({ count, ns: count }).meta({ id: 'Duration' });

export const statisticsSchema = z
  .object({
    model_stats: z.array(
      named(
        z.object({
          name: z.string(),
          version: z.string(),
          last_inference: count.describe('Milliseconds since 1970; 0: none yet'),
          inference_count: count,
          execution_count: count,
          inference_stats: z
            .object({
              success: duration,
              fail: duration,
              queue: duration,
              compute_input: duration,
              compute_infer: duration,
              compute_output: duration,
              cache_hit: duration,
              cache_miss: duration,
            })
            .meta({ id: 'InferenceStatistics' }),
          response_stats: open,
          batch_stats: z.array(
            z
              .object({
                batch_size: count,
                compute_input: duration,
                compute_infer: duration,
                compute_output: duration,
              })
              .meta({ id: 'BatchStatistics' }),
          ),
          memory_usage: z.array(z.unknown()),
        }),
        'ModelStatistics',
      ),
    ),
  })
  .meta({ id: 'Statistics' });

const tensorConfiguration = z
  .looseObject({
    name: z.string(),
    data_type: z.string(),
    dims: shape.describe('Without the batch dimension; -1: any size'),
    format: z
      .string()
      .optional()
      .describe('Of the input of an image model: FORMAT_NHWC or FORMAT_NCHW'),
  })
  .meta({ id: 'TensorConfiguration' });

export const modelConfigurationSchema = z
  .looseObject({
    name: z.string(),
    platform: z.string(),
    backend: z.string(),
    max_batch_size: count.describe('0: the model cannot be batched'),
    input: z.array(tensorConfiguration),
    output: z.array(tensorConfiguration),
  })
  .meta({ id: 'ModelConfiguration', description: "In the words of Triton's model configuration" });

export const repositoryIndexSchema = z
  .array(
    z
      .object({
        name: z.string(),
        version: z.string().optional(),
        state: z.enum(['READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING']),
        reason: z.string(),
      })
      .meta({ id: 'RepositoryEntry' }),
  )
  .meta({ id: 'RepositoryIndex' });
