import path from 'node:path';

/** Files of Swagger UI that the page uses, served by us: nothing comes from another host. */
export const DOCS_ASSETS = {
  'swagger-ui.css': 'text/css',
  'swagger-ui-bundle.js': 'text/javascript',
  'start.js': 'text/javascript',
  'favicon-32x32.png': 'image/png',
} as const;

/** Its own script apart: the content security policy allows none inside the page. */
export const START_SCRIPT = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  // Would send the address of this server to another host.
  validatorUrl: null,
  // The document has ranges of types, and a request has a type.
  requestInterceptor: (request) => {
    const types = { 'application/*': 'application/json', 'image/*': 'application/octet-stream' };
    const type = request.headers?.['Content-Type'];
    if (Object.hasOwn(types, type)) request.headers['Content-Type'] = types[type];
    return request;
  },
});
`;

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>tfjs-serving</title>
    <link rel="stylesheet" href="docs/swagger-ui.css" />
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

/** Pictures that were answered are shown from memory (blob:), icons from the style sheet (data:). */
export const DOCS_SECURITY_POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  // Swagger UI sets styles on its elements.
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join(';');

/** Folder of Swagger UI's files, which the build copies: see scripts/bundle.mjs. */
export const SWAGGER_UI = path.resolve(__dirname, '../../dist/swagger-ui');
