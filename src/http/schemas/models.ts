import { z } from 'zod';

import { RESIZE_KERNELS } from '../../imaging/preprocess-spec';
import { DTYPES } from '../../kernel/element-types';
import { TASKS, TENSOR } from '../../tasks/tasks';
import { inputSchema } from './inputs';

const count = z.number().int().min(0);
const list = <T extends z.ZodType>(item: T) => z.array(item).readonly();

const stateSchema = z.enum(['START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']);
const taskSchema = z.enum([...TASKS.map(({ name }) => name), TENSOR]);

const versionSchema = z
  .object({
    version: count,
    state: stateSchema,
    ready: z.boolean().describe('At least one instance can run it'),
    onDemand: z
      .boolean()
      .describe('Loaded by its first request: START then means that it is not in memory'),
    reason: z.string().optional().describe('Why it could not be loaded'),
    retry: z
      .object({
        attempt: count.describe('From 1'),
        of: count,
        at: z.iso.datetime().describe('When it is tried again'),
      })
      .meta({ id: 'LoadRetry', description: 'The next attempt at what failed' })
      .optional(),
  })
  .meta({ id: 'ModelVersion' });

export const modelSummarySchema = z
  .object({
    name: z.string(),
    ready: z.boolean(),
    task: taskSchema.optional().describe('Absent while no version is available'),
    versions: list(versionSchema),
    problems: list(z.string()).describe("What is wrong with the model's folder"),
  })
  .meta({ id: 'ModelSummary' });

export const modelListSchema = z
  .object({ models: list(modelSummarySchema) })
  .meta({ id: 'ModelList' });

const tensorSchema = z
  .object({
    name: z.string(),
    dtype: z.enum(DTYPES).nullable().describe('null: a type that cannot be carried'),
    tensorflowType: z.string(),
    shape: list(z.number().int()).nullable().describe('-1: any size; null: unknown rank'),
  })
  .meta({ id: 'SignatureTensor' });

const rowsSchema = z
  .object({
    independent: z.boolean(),
    reason: z.string().optional().describe('Why requests for it run one by one'),
  })
  .meta({
    id: 'Rows',
    description:
      'Whether rows give alone what they give together, so that requests may share runs, or be cut',
  });

const signatureSchema = z
  .object({
    inputs: list(tensorSchema),
    outputs: list(tensorSchema),
    method: z.string(),
    rows: rowsSchema,
  })
  .meta({ id: 'Signature' });

const layoutSchema = z.enum(['NHWC', 'NCHW']);

const imageInputSchema = z
  .object({
    inputName: z.string(),
    size: z.union([
      z.object({ kind: z.literal('fixed'), width: count, height: count }).meta({ id: 'FixedSize' }),
      z
        .object({ kind: z.literal('dynamic'), minSize: count, maxSize: count, multipleOf: count })
        .meta({ id: 'DynamicSize' }),
    ]),
    fit: z.enum(['cover', 'contain', 'fill']),
    padColor: z.string(),
    shrinkOnLoad: z.boolean(),
    kernel: z.enum(RESIZE_KERNELS),
    cropFraction: z.number(),
    colorOrder: z.enum(['rgb', 'bgr', 'grayscale']),
    layout: layoutSchema,
    dtype: z.enum(['float32', 'uint8', 'int32']),
    normalization: z.union([
      z.enum(['none', 'zero-to-one', 'minus-one-to-one', 'imagenet']),
      z.object({ mean: list(z.number()), std: list(z.number()) }).meta({ id: 'MeanAndStd' }),
    ]),
  })
  .meta({
    id: 'ImageInput',
    description: 'How an image becomes the input tensor; absent for models that take none',
  });

const outputSchema = z
  .looseObject({ name: z.string().describe('The output that matters most') })
  .meta({
    id: 'ModelOutput',
    description: 'What is known of the outputs, for the task of the model',
  });

const batchingSchema = z
  .object({
    maxBatchSize: count,
    allowedBatchSizes: list(count),
    maxQueueDelayMs: z.number().min(0),
    maxQueueSize: count,
    queueTimeoutMs: z.number().min(0),
    batchable: z.boolean().describe('Requests share runs'),
    effectiveMaxBatchSize: count.describe('Lower than maxBatchSize after memory ran out'),
  })
  .meta({ id: 'Batching' });

const optimizationSchema = z
  .discriminatedUnion('state', [
    z
      .object({
        state: z.literal('optimized'),
        cached: z.boolean().describe('The rewritten model was there already'),
        variables: count.describe('Variables that became constants'),
        nodesBefore: count,
        nodesAfter: count,
        weights: z
          .enum(['constants', 'variables'])
          .describe('What large weights are: variables take less memory'),
        maxRelativeDifference: z.number().min(0).describe('From the original, on random inputs'),
        image: z
          .object({
            preprocess: z.boolean().describe('The graph takes 8-bit RGB and normalises it'),
            postprocess: z.boolean().describe('The graph answers the best classes or 8-bit pixels'),
            reason: z.string().optional().describe('Why something that was wanted is not'),
            dropped: z
              .boolean()
              .optional()
              .describe('Something was in the graph and failed its check'),
          })
          .meta({ id: 'ImageGraph', description: 'What surrounds the network and is in the graph' })
          .optional(),
      })
      .meta({ id: 'OptimizedModel' }),
    z
      .object({
        state: z.literal('original'),
        reason: z.string(),
        dropped: z.boolean().optional().describe('A rewrite was made and failed its check'),
      })
      .meta({ id: 'OriginalModel' }),
  ])
  .meta({ id: 'Optimization', description: 'Whether the rewritten model is served' });

const requestSchema = z
  .object({
    verb: z.string().describe('The end of its address: POST /models/{name}/{verb}'),
    view: z
      .string()
      .describe(
        'How pages show a result: `bars`, `boxes`, `masks`, `compare`, `embedding`, `grid`, `text`, `json`',
      ),
    pictures: z.enum(['always', 'on-request', 'never']).describe('Whether it answers pictures'),
    parameters: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .describe('What may stand in the query: JSON Schema of each parameter'),
  })
  .meta({ id: 'ImageRequest', description: 'How images are sent to it; absent for task tensor' });

const servableSchema = z
  .object({
    version: count,
    device: z.string().optional().describe('`cpu` or `gpu`'),
    instances: z
      .object({
        ready: count,
        total: count,
        restarts: count.describe('Instances lost since the model was loaded'),
        residentBytes: count.describe(
          'Memory of their processes; pages that they share are counted in each',
        ),
      })
      .meta({ id: 'Instances' }),
    task: taskSchema,
    request: requestSchema.optional(),
    signature: z.string(),
    signatures: z.record(z.string(), signatureSchema),
    input: imageInputSchema.optional(),
    inputs: list(inputSchema).describe('What a request for it can say, by role'),
    output: outputSchema,
    labels: count.optional().describe('Number of labels'),
    batching: batchingSchema,
    optimization: optimizationSchema.optional(),
    queue: z
      .object({
        waiting: count.describe('In the queue'),
        admitted: count.describe('In the queue or being decoded'),
      })
      .meta({ id: 'Queue' }),
    warmup: z
      .object({
        enabled: z.boolean(),
        iterations: count,
        sizes: list(list(count)).describe('Width and height of each'),
      })
      .meta({ id: 'Warmup' }),
    assumptions: list(z.string()).describe('What neither model.json nor the signature says'),
  })
  .meta({ id: 'Servable', description: 'The newest version that is available' });

export const modelDetailsSchema = modelSummarySchema
  .extend({
    configured: z.boolean().describe('There is a model.json'),
    servable: servableSchema.optional(),
  })
  .meta({ id: 'ModelDetails' });

export type ImageRequestBody = z.infer<typeof requestSchema>;
export type ModelSummary = z.infer<typeof modelSummarySchema>;
export type ModelDetails = z.infer<typeof modelDetailsSchema>;
export type ModelVersion = z.infer<typeof versionSchema>;
export type ServableDetails = z.infer<typeof servableSchema>;
export type OptimizationBody = z.infer<typeof optimizationSchema>;
export type SignatureBody = z.infer<typeof signatureSchema>;
