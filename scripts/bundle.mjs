/**
 * What the build makes besides compiled TypeScript, in dist/: the client as one small module for
 * browsers, and the files of Swagger UI that the server sends. The package would else depend on
 * swagger-ui-dist, with an install script that calls another host.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLED, SWAGGER_UI_FILES } from './setup/bundled.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

await build({
  absWorkingDir: root,
  entryPoints: ['src/client/index.ts'],
  outfile: BUNDLED.client,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
});

const from = path.dirname(require.resolve('swagger-ui-dist/package.json'));
const to = path.join(root, BUNDLED.swaggerUi);
mkdirSync(to, { recursive: true });
for (const name of SWAGGER_UI_FILES) copyFileSync(path.join(from, name), path.join(to, name));
