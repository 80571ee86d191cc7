import type { z } from 'zod';

import { notCarried, type Signature } from '../kernel/tensor';
import { chooseOutput, describeTensors, mainOutput, nameAndShape } from '../tasks/output-names';
import { takesUpload, type ModelInputs } from '../tasks/inputs/model-inputs';
import type { AnyTask, ModelFacts, ModelSigns, Notes } from '../tasks/task';
import { TASKS, TENSOR } from '../tasks/tasks';
import { tensorConfigSchema, type TensorConfig } from '../tasks/tensor-config';
import { describeIssue } from './config-issue';
import { taskKeysOf, type ModelConfig } from './model-config';

/** What a model does, and what is known of it for that. */
export interface ResolvedTask {
  /** As in model.json. */
  readonly name: string;
  /** Undefined for models that are only asked for tensors. */
  readonly task: AnyTask | undefined;
  /** The task's own; see Task.resolve. */
  readonly settings: unknown;
  /** Name of the output that matters most. */
  readonly output: string;
}

/**
 * Finds out what a model does, from model.json or else from its signature.
 * @param operations that make outputs, by their `node`, where known; see outputOperations
 * @returns undefined when that cannot be told, which has been noted as a problem
 */
export function resolveTask(
  config: ModelConfig,
  facts: ModelFacts & { readonly inputs: ModelInputs },
  operations: ReadonlyMap<string, string>,
  notes: Notes,
): ResolvedTask | undefined {
  const { signature, inputs } = facts;
  const signs = { ...facts, isClassifier: saysScores(config, facts, operations) };
  const task = config.task === undefined ? recognise(signs, notes) : named(config.task);
  if (task === undefined) return resolveTensor(config, signature, notes);
  if (!fitsUpload(task, inputs)) {
    notes.problem(
      task.upload === 'none'
        ? `the task ${task.name} takes no uploaded picture, and model.json has one: ${inputs.uploadRole}`
        : `the task ${task.name} needs an image input, and the signature has none: ${describeTensors(signature.inputs)}`,
    );
    return undefined;
  }
  const own = parse(task.name, task.config, config, notes);
  if (own === undefined) return undefined;
  const settings: unknown = task.resolve(facts, own, notes);
  if (settings === undefined) return undefined;
  const outputs = task.outputs(settings as never);
  const texts = task.textOutputs?.(settings as never) ?? [];
  for (const spec of signature.outputs.filter(({ name }) => outputs.includes(name))) {
    if (spec.dtype === 'string' ? texts.includes(spec.name) : spec.dtype !== undefined) continue;
    notes.problem(`output "${spec.name}" has type ${spec.tfDtype}, which cannot be answered`);
  }
  return { name: task.name, task, settings, output: outputs[0] ?? '' };
}

/** Whether an output may be taken for scores of classes. */
function saysScores(
  config: ModelConfig,
  { signature, labels }: Pick<ModelFacts, 'signature' | 'labels'>,
  operations: ReadonlyMap<string, string>,
): boolean {
  const { output } = taskKeysOf(config);
  const hasActivation = typeof output === 'object' && output !== null && 'activation' in output;
  const node = mainOutput(signature.outputs)?.node ?? '';
  return labels !== undefined || hasActivation || operations.get(node) === 'Softmax';
}

function named(name: string): AnyTask | undefined {
  return TASKS.find((task) => task.name === name);
}

/** A task with an upload needs a model that takes pictures, one without must have none. */
function fitsUpload({ upload = 'images' }: AnyTask, inputs: ModelInputs): boolean {
  return (upload === 'images') === takesUpload(inputs);
}

function recognise(
  signs: ModelSigns & { readonly inputs: ModelInputs },
  notes: Notes,
): AnyTask | undefined {
  const { inputs, signature } = signs;
  const first = mainOutput(signature.outputs);
  const shape = first === undefined ? 'nothing' : nameAndShape(first);
  if (!takesUpload(inputs) && inputs.more.length === 0) {
    notes.assumption(`task: ${TENSOR}, as the tensor model answers ${shape}`);
    return undefined;
  }
  for (const task of TASKS.filter((one) => fitsUpload(one, inputs))) {
    const reason = task.recognise(signs);
    if (reason === undefined) continue;
    notes.assumption(`task: ${task.name}, as ${reason}`);
    return task;
  }
  const because =
    first?.shape?.length === 2
      ? ', without labels and without a softmax at its end: "task": "image-classification" would make classes of it, "image-feature-extraction" an embedding'
      : '';
  notes.assumption(`task: ${TENSOR}, as the image model answers ${shape}${because}`);
  return undefined;
}

function resolveTensor(
  config: ModelConfig,
  signature: Signature,
  notes: Notes,
): ResolvedTask | undefined {
  const own = parse(TENSOR, tensorConfigSchema, config, notes) as TensorConfig | undefined;
  if (own === undefined) return undefined;
  const where = 'model.json.output.name';
  const output = chooseOutput(own.output?.name, signature.outputs, where, notes);
  if (output === undefined) return undefined;
  if (output.dtype === undefined) {
    notes.problem(notCarried('output', output));
  }
  return { name: TENSOR, task: undefined, settings: undefined, output: output.name };
}

/** The task's part of model.json; undefined when it contradicts the task, which is noted. */
function parse(name: string, schema: z.ZodType, config: ModelConfig, notes: Notes): unknown {
  const parsed = schema.safeParse(taskKeysOf(config));
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    for (const problem of describeIssue(issue)) notes.problem(`${problem} (task ${name})`);
  }
  return undefined;
}
