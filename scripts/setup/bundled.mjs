/** Paths in the clone that scripts/bundle.mjs writes; without esbuild, so that set-up can look first. */
export const BUNDLED = { client: 'dist/client.min.mjs', swaggerUi: 'dist/swagger-ui' };

/** Sent by src/http/docs-page.ts, with the licence that they are under. */
export const SWAGGER_UI_FILES = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'favicon-32x32.png',
  'LICENSE',
  'NOTICE',
];

/** Every file that has to be there. */
export const BUNDLED_FILES = [
  BUNDLED.client,
  ...SWAGGER_UI_FILES.map((name) => `${BUNDLED.swaggerUi}/${name}`),
];
