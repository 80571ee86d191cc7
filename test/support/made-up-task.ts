import { z } from 'zod';

import { numbersOf } from '../../src/kernel/tensor';
import { required } from '../../src/tasks/nothing-answered';
import { wholeRun } from '../../src/tasks/run-way';
import { defineTask } from '../../src/tasks/task';
import { defineRow } from '../../src/tasks/task-row';

const members = z.object({ brightness: z.number() });
const parameters = z.object({ percent: z.enum(['true', 'false']).optional() });

/** How bright a picture is, of a model that answers a mean for each channel. */
export const imageBrightness = defineTask<{ readonly scale: number }, z.infer<typeof parameters>>({
  name: 'image-brightness',
  verb: 'measure',
  summary: 'Brightness of images',
  pictures: 'never',
  config: z.strictObject({ scale: z.number() }).partial(),
  parameters,
  result: z.object({ brightness: z.number() }).meta({ id: 'MeasuredImage' }),
  example: { model: 'my-meter', data: { brightness: 0.4 } },
  row: defineRow<z.infer<typeof members>>({
    parameters: ['percent'],
    files: 'none',
    members,
    columns: { brightness: 'json' },
    classesAre: 'none',
    of: ({ data }) => Promise.resolve(members.parse(data)),
    classes: () => [],
  }),
  recognise: () => undefined,
  resolve: (_facts, config) => ({ scale: (config as { scale?: number }).scale ?? 1 }),
  outputs: () => ['embedding'],
  answering: (model, { percent }) => ({
    run: wholeRun(model, ['embedding']),
    postprocess: ({ outputs: [output] }) => {
      const channels = [...numbersOf(required(output))].map(Number);
      const mean = channels.reduce((sum, value) => sum + value, 0) / channels.length;
      const brightness = mean * model.settings.scale * (percent === 'true' ? 100 : 1);
      return Promise.resolve({ data: { brightness } });
    },
  }),
});
