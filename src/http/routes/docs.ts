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
import { openApiDocument, type DocumentPart } from '../openapi/document';
import { route } from '../route';

/** The OpenAPI document, and the page that shows it. */
export function docsRoutes(part: DocumentPart): Router {
  const router = Router();
  let document: string | undefined;
  route(router, '/openapi.json', {
    get: [
      (_request, response) => {
        document ??= JSON.stringify(openApiDocument(part));
        response.type('application/json').send(document);
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
