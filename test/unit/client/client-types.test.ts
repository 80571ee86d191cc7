import type { z } from 'zod';

import type * as client from '../../../src/client';
import type { ErrorCode } from '../../../src/kernel/errors';
import type { problemSchema } from '../../../src/http/schemas/problem';
import type { modelDetailsSchema, modelSummarySchema } from '../../../src/http/schemas/models';
import type { Prediction } from '../../../src/outputs/classification';
import type { Detection } from '../../../src/tasks/object-detection/detect';
import { datatypeOf, type Tensor } from '../../../src/client/tensors';

/** The check is the compilation: `npm run typecheck`. */
type Equal<A, B> = [A, B] extends [B, A] ? true : false;

type Servable = NonNullable<client.ModelDetails['servable']>;

test('the types of the client are those that the server answers', () => {
  const same: [
    Equal<client.ServerErrorCode, ErrorCode>,
    Equal<client.ServerErrorCode, z.infer<typeof problemSchema>['code']>,
    Equal<keyof client.ModelDetails, keyof z.infer<typeof modelDetailsSchema>>,
    Equal<keyof Servable, keyof NonNullable<z.infer<typeof modelDetailsSchema>['servable']>>,
  ] = [true, true, true, true];
  const summary = (body: z.infer<typeof modelSummarySchema>): client.ModelSummary => body;
  const details = (body: z.infer<typeof modelDetailsSchema>): client.ModelDetails => body;
  const predictions = (body: readonly Prediction[]): readonly client.Prediction[] => body;
  const detections = (body: readonly Detection[]): readonly client.Detection[] => body;

  expect(same).not.toContain(false);
  expect([summary, details, predictions, detections]).toHaveLength(4);
});

test('the data type of a tensor tells its array', () => {
  const first = (tensor: Tensor): bigint | number => {
    if (tensor.datatype === 'INT64' || tensor.datatype === 'UINT64') {
      const element: bigint | undefined = tensor.data[0];
      return element ?? 0n;
    }
    if (tensor.datatype === 'BYTES') {
      const element: Uint8Array | undefined = tensor.data[0];
      return element?.length ?? 0;
    }
    const element: number | undefined = tensor.data[0];
    return element ?? 0;
  };

  expect(first({ datatype: 'INT64', shape: [1], data: BigInt64Array.of(7n) })).toBe(7n);
  expect(datatypeOf({ shape: [1], data: ['a'] })).toBe('BYTES');
});

test('a call needs a model, and knows its own options only', () => {
  const calls = (api: client.ServingClient, image: Uint8Array) => [
    // @ts-expect-error the model is missing
    () => api.classify(image, {}),
    // @ts-expect-error an option of generate
    () => api.classify(image, { model: 'm', quality: 3 }),
    // @ts-expect-error no such format
    () => api.generate(image, { model: 'm', format: 'gif' }),
    // @ts-expect-error numbers have to be in a typed array
    () => api.predict({ x: { shape: [1], data: [1] } }, { model: 'm' }),
    // @ts-expect-error an option of classify
    () => api.detect(image, { model: 'm', top: 3 }),
    // @ts-expect-error no such picture
    () => api.segmentPicture(image, { model: 'm', output: 'masks' }),
    // @ts-expect-error the client chooses how vectors travel
    () => api.embed(image, { model: 'm', encoding: 'float' }),
    async () => {
      const { detections } = await api.detect(image, { model: 'm', threshold: 0.3 });
      const xmin: number | undefined = detections[0]?.box.xmin;
      const { segments, width } = await api.segment(image, { model: 'm' });
      const mask: Uint8Array | undefined = segments[0]?.mask.bytes;
      const { embedding } = await api.embed(image, { model: 'm', normalize: true });
      const vector: Float32Array = embedding;
      const { results } = await api.embed([image], { model: 'm' });
      // @ts-expect-error an image among several may have failed
      const first: Float32Array | undefined = results[0]?.embedding.subarray(0, 1);
      const any = await api.predictImage(image, { model: 'm', parameters: { threshold: 0.3 } });
      // @ts-expect-error a model of another task answers no detections
      const found: number = any.detections.length;
      return [xmin, mask, vector, width, first, found];
    },
    async () => {
      const one = await api.classify(image, { model: 'm' });
      const several = await api.classify([image], { model: 'm' });
      // @ts-expect-error one image has its predictions, several have results
      return [one.results, several.results[0]?.predictions?.[0]?.label];
    },
  ];

  // Never called: there is no server here.
  expect(calls).toBeInstanceOf(Function);
});
