import { readFile } from 'node:fs/promises';

import { closedLoop, serveOrders, type LoopOrder, type LoopReport } from '../closed-loop';
import { serverModule } from '../server-code';

/**
 * The server without HTTP: the same process, settings and code from the decoding of a photo to
 * its answer, kept busy by a loop.
 */
async function main(): Promise<void> {
  const { loadConfig } = serverModule<typeof import('../../src/config/load')>('config/load');
  const { prepareProcess } =
    serverModule<typeof import('../../src/process/prepare-process')>('process/prepare-process');
  const config = loadConfig({
    args: [
      '--port',
      '0',
      '--log-level',
      'error',
      '--drain-delay-ms',
      '0',
      ...process.argv.slice(2),
    ],
    env: {},
  });
  await prepareProcess(config);
  const { startService } = serverModule<typeof import('../../src/compose')>('compose');
  const service = await startService(config);

  serveOrders(async (order: LoopOrder): Promise<LoopReport> => {
    const photos = await Promise.all(order.photos.map((photo) => readFile(photo)));
    let rows = 0;
    let inverse = 0;
    let firstIndex: number | undefined;
    const timed = await closedLoop(order, async (turn) => {
      const image = photos[turn % photos.length];
      const model = order.models[turn % order.models.length];
      if (image === undefined || model === undefined) throw new Error('no photo or no model');
      const request = { model, images: [image] };
      const { task } = service.inference.admit(model, undefined, order.task);
      const wish = order.task === 'classify' ? undefined : ({ format: 'png' } as const);
      const { results } = await service.inference.answer(request, { task, parameters: {}, wish });
      const [result] = results;
      if (result?.ok !== true) throw result?.error ?? new Error('no result');
      rows += 1;
      inverse += 1 / result.batchRows;
      const { predictions } = result.value.data as { predictions?: readonly { index: number }[] };
      if (turn === 0) firstIndex = predictions?.[0]?.index;
    });
    return {
      ...timed,
      // Each run of n rows is seen n times: rows over runs.
      meanBatch: rows / inverse,
      ...(firstIndex === undefined ? {} : { firstIndex }),
    };
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
