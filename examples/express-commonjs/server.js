// Models inside an Express program, in CommonJS: its router, and a route that uses a model itself.
const express = require('express');
const { createServing, ServingError } = require('tfjs-serving');

const serving = createServing({
  modelRepository: process.env.MODELS ?? 'models',
  models: ['efficientnet-lite0'],
});
const app = express();

// Every address of the server: POST /ml/models/NAME/classify, GET /ml/docs …
app.use('/ml', serving.router);

// POST /is-it/espresso answers { "yes": true } or { "yes": false }.
app.post(
  '/is-it/:label',
  express.raw({ type: () => true, limit: '20mb' }),
  async (request, response) => {
    try {
      const { predictions } = await serving.classify(request.body, {
        model: 'efficientnet-lite0',
        top: 1,
      });
      response.json({ yes: predictions[0].label === request.params.label });
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      response.status(error.status).json({ code: error.code, message: error.message });
    }
  },
);

async function main() {
  await serving.start();
  const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
    console.log(`ready: http://127.0.0.1:${server.address().port}`);
  });
  process.once('SIGTERM', async () => {
    server.close();
    await serving.stop();
  });
}

main();
