import { z } from 'zod';
import { messageOf } from '../kernel/errors';
import { residencySchema } from './residency/residency-config';
import { inputSchema } from '../tasks/inputs/image-config';
import { inputsSchema } from '../tasks/inputs/input-config';
import { TASKS, TENSOR } from '../tasks/tasks';
import { tensorConfigSchema } from '../tasks/tensor-config';
import { describeIssue } from './config-issue';

/**
 * model.json: everything about a model that its SavedModel does not say. Descriptions feed
 * docs/model-repository.md; what is left out is inferred from the signature.
 */

const side = z.number().int().min(1).max(16_384);

const batchingSchema = z
  .strictObject({
    maxBatchSize: z.number().int().min(1).max(4096).describe('Most rows in a batch'),
    allowedBatchSizes: z
      .array(z.number().int().min(1).max(4096))
      .min(1)
      .refine(
        (sizes) => sizes.every((size, i) => i === 0 || size > (sizes[i - 1] ?? 0)),
        'must ascend',
      )
      .describe(
        'Batches are padded up to one of these; default: powers of two up to maxBatchSize on a GPU, every size up to 8 and then steps of an eighth on a CPU',
      ),
    maxQueueDelayMs: z
      .number()
      .min(0)
      .max(60_000)
      .describe('Milliseconds a request may wait for company while an instance is idle; default 0'),
    maxQueueSize: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .describe('Requests queued; more are answered 429'),
    queueTimeoutMs: z
      .number()
      .min(1)
      .max(3_600_000)
      .describe('Milliseconds in the queue before 504'),
    independentRows: z
      .boolean()
      .describe(
        'Whether rows give alone what they give together, so that requests may share runs; default: found out when the model is loaded',
      ),
  })
  .partial();

const versionPolicySchema = z
  .union([
    z.strictObject({ latest: z.number().int().min(1).max(100) }),
    z.strictObject({ specific: z.array(z.number().int().min(0)).min(1) }),
    z.literal('all'),
  ])
  .describe(
    'Which versions are served: {"latest": n} (default 1), {"specific": [numbers]} or "all"',
  );

/** What each task may say in model.json besides, and what models that are only asked for tensors may. */
export const TASK_CONFIGS: ReadonlyMap<string, z.ZodObject> = new Map([
  ...TASKS.map(({ name, config }) => [name, config] as const),
  [TENSOR, tensorConfigSchema],
]);

const TASK_KEYS = new Set([...TASK_CONFIGS.values()].flatMap(({ shape }) => Object.keys(shape)));

/** The keys that every model may have. */
export const commonConfigSchema = z
  .strictObject({
    task: z
      .enum([...TASKS.map(({ name }) => name), TENSOR])
      .describe('What the model does; default: what its signature says'),
    signature: z.string().min(1).describe('Signature to run; default serving_default'),
    input: inputSchema.describe(
      'How an image becomes the input tensor, for models that take nothing else; the same as `inputs` with one image',
    ),
    inputs: inputsSchema.describe(
      'What the model takes, by role: each is an input of the signature, and a parameter of requests',
    ),
    labels: z.string().min(1).describe('File beside model.json with one label a line'),
    batching: z
      .union([z.literal(false), batchingSchema])
      .describe('How requests share runs; false: each is run alone, as it was sent'),
    instances: z
      .number()
      .int()
      .min(1)
      .max(64)
      .describe('Instances, each a process with its own copy of the model'),
    threads: z
      .number()
      .int()
      .min(1)
      .max(1024)
      .describe(
        'Threads of one TensorFlow operation in each instance; default: the option intraOpThreads, else on the CPU the cores divided by the instances',
      ),
    maxInstanceMemory: z
      .number()
      .int()
      .min(64 * 1024 * 1024)
      .describe(
        'Bytes of memory that one instance may take; beyond, it is replaced and the request answered 507; default: the option of the same name',
      ),
    gpuMemoryMiB: z
      .number()
      .int()
      .min(64)
      .describe(
        "MiB of a GPU's memory that one instance may take; default: the option of the same name",
      ),
    residency: residencySchema,
    versionPolicy: versionPolicySchema,
    versionLabels: z
      .record(
        z.string().regex(/^[^/:]{1,128}$/, 'must be a name without "/" and ":"'),
        z.number().int().min(0),
      )
      .describe(
        'Names for versions, such as {"stable": 1}: /v1/models/{name}/labels/{label} leads to them',
      ),
    optimize: z
      .union([
        z.boolean(),
        z
          .strictObject({
            preprocess: z
              .boolean()
              .describe('Give the model pixels and normalise them in its graph; default true'),
            postprocess: z
              .boolean()
              .describe('Rank classes or make 8-bit pixels in its graph; default true'),
            weights: z
              .enum(['auto', 'constants', 'variables'])
              .describe(
                'What large weights become: constants are faster on a CPU, variables take less memory; default auto: variables on a GPU, and from 256 MiB in all',
              ),
          })
          .partial(),
      ])
      .describe(
        'Rewrite the model so that it runs faster: see docs/optimizer.md; an object leaves out parts; default true',
      ),
    warmup: z
      .strictObject({
        enabled: z.boolean().default(true).describe('Run every allowed batch size before serving'),
        iterations: z.number().int().min(1).max(100).default(1).describe('Runs of each size'),
        sizes: z
          .array(z.tuple([side, side]))
          .max(64)
          .optional()
          .describe('[width, height] pairs to warm a model of dynamic size with'),
      })
      .describe('Runs made before the model is ready'),
  })
  .partial();

/** Besides, the keys of tasks: see taskKeysOf. */
export type ModelConfig = z.infer<typeof commonConfigSchema> & Readonly<Record<string, unknown>>;
export type VersionPolicy = z.infer<typeof versionPolicySchema>;

/** The part of model.json that is its task's own. */
export function taskKeysOf(config: ModelConfig): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => TASK_KEYS.has(key)));
}

/** The file of labels that a model.json names, where that is text. */
export function labelsFileOf(config: ModelConfig): string | undefined {
  if (config.labels !== undefined) return config.labels;
  const { output } = config as { readonly output?: { readonly labels?: unknown } | null };
  return typeof output?.labels === 'string' ? output.labels : undefined;
}

/** Something in a model's folder is wrong; `problems` names each with its path. */
export class ModelConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'ModelConfigError';
    this.problems = problems;
  }
}

/**
 * Parses the text of a model.json.
 * @throws ModelConfigError with every problem at once
 */
export function parseModelConfig(text: string): ModelConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelConfigError([`model.json is not JSON: ${messageOf(cause)}`]);
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const own = isObject ? taskKeysOf(value as ModelConfig) : {};
  const common = isObject
    ? Object.fromEntries(Object.entries(value as object).filter(([key]) => !TASK_KEYS.has(key)))
    : value;
  const parsed = commonConfigSchema.safeParse(common);
  const task: unknown = isObject ? (value as ModelConfig).task : undefined;
  const issues = [...(parsed.error?.issues ?? []), ...taskIssues(own, task)];
  if (parsed.success && issues.length === 0) return { ...parsed.data, ...own };
  throw new ModelConfigError(issues.flatMap((issue) => describeIssue(issue)));
}

/** What is wrong with the keys of tasks, as the task has it that they fit best. */
function taskIssues(own: object, task: unknown): readonly z.core.$ZodIssue[] {
  const named = typeof task === 'string' ? TASK_CONFIGS.get(task) : undefined;
  const candidates = named === undefined ? [...TASK_CONFIGS.values()] : [named];
  const found = candidates.map((schema) => schema.safeParse(own).error?.issues ?? []);
  const strangers = (issues: readonly z.core.$ZodIssue[]): number =>
    issues.filter(({ code }) => code === 'unrecognized_keys').length;
  return found.reduce((best, issues) =>
    (strangers(issues) - strangers(best) || issues.length - best.length) < 0 ? issues : best,
  );
}
