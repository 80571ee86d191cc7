/**
 * What the build makes besides compiled TypeScript, in dist/: the client as one small module for
 * browsers.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLED } from './setup/bundled.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

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
