import path from 'node:path';

import { Router } from 'express';

import { ServingError } from '../../kernel/errors';
import {
  DOCS_ASSETS,
  DOCS_PAGE,
  DOCS_SECURITY_POLICY,
  START_SCRIPT,
  SWAGGER_UI,
} from '../docs-page';
import { openApiDocument, type DocumentOptions } from '../openapi/document';
import type { ServedModel } from '../openapi/paths/served-models';
import { route } from '../route';

/**
 * The OpenAPI document, and the page that shows it.
 * @param served models that have parameters of their own
 */
export function docsRoutes(
  options: DocumentOptions,
  served: () => readonly ServedModel[] = () => [],
): Router {
  const router = Router();
  let document: { readonly of: readonly ServedModel[]; readonly text: string } | undefined;
  route(router, '/openapi.json', {
    get: [
      (_request, response) => {
        const models = served();
        const isSame =
          document?.of.length === models.length &&
          models.every(({ name, inputs }, i) => {
            const known = document?.of[i];
            return known?.name === name && known.inputs === inputs;
          });
        if (!isSame || document === undefined) {
          document = { of: models, text: JSON.stringify(openApiDocument(options, models)) };
        }
        response.type('application/json').send(document.text);
      },
    ],
  });
  route(router, '/docs', {
    get: [
      (request, response) => {
        // The page's links are relative, so that they hold behind a proxy that cuts off a prefix.
        if (request.path.endsWith('/')) {
          response.redirect(308, '../docs');
          return;
        }
        response.set('Content-Security-Policy', DOCS_SECURITY_POLICY);
        response.type('text/html').send(DOCS_PAGE);
      },
    ],
  });
  route(router, '/docs/:asset', {
    get: [
      (request, response) => {
        const asset = String(request.params.asset);
        if (!Object.hasOwn(DOCS_ASSETS, asset)) {
          throw new ServingError('ROUTE_NOT_FOUND', `There is nothing at ${request.path}`);
        }
        if (asset === 'start.js') response.type('text/javascript').send(START_SCRIPT);
        // `root` keeps an unusual folder above (such as .cache) out of the check for dot files.
        else response.sendFile(asset, { root: path.resolve(SWAGGER_UI) });
      },
    ],
  });
  return router;
}
