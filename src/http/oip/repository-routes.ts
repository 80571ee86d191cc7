import { Router, type Request, type Response } from 'express';
import { z } from 'zod';

import { ServingError } from '../../kernel/errors';
import type { ModelManager } from '../../models/model-manager';
import { guardModels, visibleModels } from '../access/key-guard';
import type { BodyReader } from '../body/body-reader';
import { readDocument } from '../json/read-document';
import { withoutNulls } from '../json/without-nulls';
import { adminGuard, type AdminAccess } from '../middleware/admin-guard';
import { route } from '../route';
import { repositoryIndex } from './repository-index';

/** The bodies are a few words; with files of a model in them they are refused in any case. */
const MAX_BODY_BYTES = 1024 * 1024;

export const indexRequestSchema = z
  .object({ ready: z.boolean().optional().describe('Only what is ready') })
  .meta({ id: 'RepositoryIndexFilter' });
export const controlRequestSchema = z
  .object({ parameters: z.record(z.string(), z.unknown()).optional() })
  .meta({ id: 'RepositoryControl' });

/** Triton's model repository extension: index, load, unload. */
export function repositoryRoutes(
  manager: ModelManager,
  bodies: BodyReader,
  access: AdminAccess,
): Router {
  const router = Router();
  router.use('/v2/repository', adminGuard(access));
  guardModels(router);
  const read = async <T>(
    schema: z.ZodType<T>,
    request: Request,
    response: Response,
  ): Promise<T> => {
    bodies.requireRoom(request);
    return parseBody(schema, await bodies.bytes(request, response, { maxBytes: MAX_BODY_BYTES }));
  };
  route(router, '/v2/repository/index', {
    post: [
      async (request, response) => {
        const { ready = false } = await read(indexRequestSchema, request, response);
        const models = visibleModels(request, manager.list());
        const folders = ready ? [] : await manager.unknownModels();
        const unknown = visibleModels(
          request,
          folders.map((name) => ({ name })),
        ).map(({ name }) => name);
        response.json(repositoryIndex(models, unknown, ready));
      },
    ],
  });
  route(router, '/v2/repository/models/:name/load', {
    post: [
      async (request, response) => {
        const { parameters = {} } = await read(controlRequestSchema, request, response);
        refuseOverrides(parameters);
        await manager.load(String(request.params.name));
        response.status(200).end();
      },
    ],
  });
  route(router, '/v2/repository/models/:name/unload', {
    post: [
      async (request, response) => {
        // `unload_dependents` asks for nothing: no model depends on another.
        await read(controlRequestSchema, request, response);
        await manager.unload(String(request.params.name));
        response.status(200).end();
      },
    ],
  });
  return router;
}

async function parseBody<T>(schema: z.ZodType<T>, body: Buffer): Promise<T> {
  const parsed = schema.safeParse(body.length === 0 ? {} : withoutNulls(await readDocument(body)));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new ServingError('BAD_REQUEST', `Invalid request: ${problems.join('; ')}`);
}

function refuseOverrides(parameters: Readonly<Record<string, unknown>>): void {
  const override = Object.keys(parameters).find(
    (key) => key === 'config' || key.startsWith('file:'),
  );
  if (override === undefined) return;
  throw new ServingError(
    'BAD_REQUEST',
    `parameter "${override}" is not supported: a model is loaded from its folder in the repository, as its model.json says`,
  );
}
