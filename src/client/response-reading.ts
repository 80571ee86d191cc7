import type { Timings } from './answers';
import { ServingClientError } from './client-error';

/** @throws ServingClientError INVALID_RESPONSE */
export async function jsonOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new ServingClientError(`The answer is no JSON: ${text.slice(0, 200)}`, {
      code: 'INVALID_RESPONSE',
      status: response.status,
      requestId: requestIdOf(response),
      cause,
    });
  }
}

/** Server-Timing: `preprocess;dur=10.19, queue;dur=0.49, …` */
export function timingsOf(response: Response): Timings | undefined {
  const header = response.headers.get('server-timing') ?? '';
  const ms = (stage: string): number =>
    Number(new RegExp(`(?:^|, *)${stage};dur=([\\d.]+)`).exec(header)?.[1]);
  const timings = {
    preprocessMs: ms('preprocess'),
    queueMs: ms('queue'),
    inferMs: ms('infer'),
    postprocessMs: ms('postprocess'),
  };
  return Object.values(timings).some(Number.isNaN) ? undefined : timings;
}

export function requestIdOf(response: Response): string | undefined {
  return response.headers.get('x-request-id') ?? undefined;
}
