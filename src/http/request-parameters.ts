import type { Request } from 'express';
import type { z } from 'zod';

import { ServingError } from '../kernel/errors';
import type { ModelInputs } from '../tasks/inputs/model-inputs';
import { parameterNames, type RawValues } from '../tasks/inputs/request-values';
import type { AnyTask } from '../tasks/task';
import { pictureQuerySchema } from './schemas/image-api';

/** What a request says beside pictures. */
export interface RequestParameters {
  /** What the task's `parameters` have parsed. */
  readonly parameters: unknown;
  readonly format: z.infer<typeof pictureQuerySchema>['format'];
  readonly quality: number | undefined;
  /** Of the inputs of the model, as they came. */
  readonly values: RawValues;
}

/** Parameters of the task in the query; others there are ignored. @throws ServingError BAD_REQUEST */
export function taskParameters(task: AnyTask, request: Request): RequestParameters {
  const { format, quality } =
    task.pictures === 'never' ? {} : parse(pictureQuerySchema, request.query);
  return { parameters: parse(task.parameters, request.query), format, quality, values: {} };
}

/**
 * Parameters of a model with several inputs, of the query and the body together.
 * @param body as it came
 * @throws ServingError BAD_REQUEST for what is not among them, is given twice, or not allowed
 */
export function modelParameters(
  task: AnyTask,
  inputs: ModelInputs,
  request: Request,
  body: RawValues = {},
): RequestParameters {
  const query = request.query as RawValues;
  const own = [
    ...Object.keys(task.parameters.shape),
    ...(task.pictures === 'never' ? [] : Object.keys(pictureQuerySchema.shape)),
  ];
  const ofModel = parameterNames(inputs);
  const known = [...ofModel, ...own];
  for (const name of [...Object.keys(query), ...Object.keys(body)]) {
    if (known.includes(name)) continue;
    throw new ServingError(
      'BAD_REQUEST',
      `There is no parameter "${name.slice(0, 64)}"; the model has ${known.join(', ')}`,
    );
  }
  const twice = Object.keys(body).find((name) => Object.hasOwn(query, name));
  if (twice !== undefined) {
    throw new ServingError('BAD_REQUEST', `"${twice}" is in the query and in the body`);
  }
  const all = { ...query, ...body };
  const texts = Object.fromEntries(
    own.flatMap((name) => {
      const value = Object.hasOwn(all, name) ? all[name] : undefined;
      return value === undefined || value === null ? [] : [[name, asText(value)]];
    }),
  );
  const { format, quality } = task.pictures === 'never' ? {} : parse(pictureQuerySchema, texts);
  const values = Object.entries(all).filter(([name]) => ofModel.includes(name));
  return {
    parameters: parse(task.parameters, texts),
    format,
    quality,
    values: Object.fromEntries(values),
  };
}

/** JSON has numbers and switches where a query has text. */
function asText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

function parse<T>(schema: z.ZodType<T>, texts: unknown): T {
  const parsed = schema.safeParse(texts);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `?${issue.path.join('.')}= ${issue.message}`);
  throw new ServingError('BAD_REQUEST', problems.join('; '));
}
