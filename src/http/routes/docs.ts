import { Router } from 'express';

import { openApiDocument, type DocumentOptions } from '../openapi/document';
import type { ServedModel } from '../openapi/paths/served-models';
import { route } from '../route';

interface DocsOptions extends Omit<DocumentOptions, 'served'> {
  /**
   * Models that have parameters of their own.
   * @default none
   */
  readonly served?: () => readonly ServedModel[];
}

/** The OpenAPI document; the page that shows it is beside the others in page.ts. */
export function docsRoutes({ served = () => [], ...options }: DocsOptions): Router {
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
          const text = JSON.stringify(openApiDocument({ ...options, served: models }));
          document = { of: models, text };
        }
        response.type('application/json').send(document.text);
      },
    ],
  });
  return router;
}
