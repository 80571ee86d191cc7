import { z } from 'zod';

import type { ServableSpec } from '../models/servable-spec';
import type { AnyTask } from '../tasks/task';
import { pictureQuerySchema } from './schemas/image-api';
import type { ImageRequestBody } from './schemas/models';

type JsonSchema = Record<string, unknown>;

/**
 * How images are sent to a model, for programs that make something of any model: the page does.
 * @returns undefined for models that are only asked for tensors
 */
export function requestDescription({
  imageTask,
  settings,
}: Pick<ServableSpec, 'imageTask' | 'settings'>): ImageRequestBody | undefined {
  if (imageTask === undefined) return undefined;
  const { verb, view = 'json', pictures } = imageTask;
  return { verb, view, pictures, parameters: parametersOf(imageTask, settings) };
}

/** JSON Schema of what parameters mean, rather than of the text of a query: numbers are numbers. */
function parametersOf(task: AnyTask, settings: unknown): ImageRequestBody['parameters'] {
  const properties = {
    ...propertiesOf(task.parameters),
    ...(task.pictures === 'never' ? {} : propertiesOf(pictureQuerySchema)),
  };
  const defaults = task.defaults?.(settings as never) ?? {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [
      name,
      Object.hasOwn(defaults, name) ? { ...property, default: defaults[name] } : property,
    ]),
  );
}

function propertiesOf(schema: z.ZodObject): Record<string, JsonSchema> {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, meaningOf(property as JsonSchema)]),
  );
}

/** Without what only holds for the text that a query consists of. */
function meaningOf({ pattern, enum: values, ...rest }: JsonSchema): JsonSchema {
  if (rest.type === 'boolean' || rest.type === 'integer' || rest.type === 'number') return rest;
  return {
    ...rest,
    ...(pattern === undefined ? {} : { pattern }),
    ...(values === undefined ? {} : { enum: values }),
  };
}
