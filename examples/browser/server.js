// A page that classifies the photos it is given, with the client of the package as an ES module.
import { fileURLToPath } from 'node:url';

import express from 'express';
import { createServing } from 'tfjs-serving';

const serving = createServing({
  modelRepository: process.env.MODELS ?? 'models',
  models: ['efficientnet-lite0'],
});
await serving.start();

const app = express();
app.use('/ml', serving.router);
// One file without imports of its own; a bundler would take it from the package by itself.
const client = fileURLToPath(import.meta.resolve('tfjs-serving/client'));
app.get('/client.mjs', (_request, response) => response.type('text/javascript').sendFile(client));
app.get('/', (_request, response) => {
  response.sendFile(fileURLToPath(new URL('page.html', import.meta.url)));
});
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`ready: http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close();
  void serving.stop();
});
