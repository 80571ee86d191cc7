import { Router } from 'express';

import { ServingError } from '../../kernel/errors';
import { sendAsset, sendPage } from '../page/send-web-file';
import { WebFiles } from '../page/web-files';
import { route } from '../route';

let read: WebFiles | undefined;
/** Read when they are first asked for: a process has one set of them, whatever applications it has. */
const webFiles = (): WebFiles => (read ??= new WebFiles());

/** The page that tries models, at `/`. */
export function pageRoutes(): Router {
  const router = Router();
  route(router, '/', {
    get: [
      (request, response) => {
        const files = webFiles();
        return sendPage(request, response, files.page('page'), files.hash);
      },
    ],
  });
  return router;
}

/** The page that shows the OpenAPI document, and what both pages are made of. */
export function referenceRoutes(): Router {
  const router = Router();
  route(router, '/docs', {
    get: [
      (request, response) => {
        // The page's links are relative, so that they hold behind a proxy that cuts off a prefix.
        if (request.path.endsWith('/')) {
          response.redirect(308, '../docs');
          return;
        }
        const files = webFiles();
        return sendPage(request, response, files.page('reference'), files.hash);
      },
    ],
  });
  route(router, '/assets/:hash/:folder/:file', {
    get: [
      (request, response) => {
        const { hash, folder, file } = request.params;
        const files = webFiles();
        const found = files.asset(`${String(folder)}/${String(file)}`);
        if (found === undefined || hash !== files.hash) {
          throw new ServingError(
            'ROUTE_NOT_FOUND',
            `There is nothing at ${request.path}; a page that asks for it is to be loaded again`,
          );
        }
        return sendAsset(request, response, found, files.hash);
      },
    ],
  });
  return router;
}
