import type { Timings } from './answers';

/** What the server answered, received as a whole. */
export interface ServerAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: ArrayBuffer;
}

export function textOf({ body }: ServerAnswer): string {
  return new TextDecoder().decode(body);
}

/** @throws SyntaxError when it is not JSON */
export function jsonOf(answer: ServerAnswer): unknown {
  return JSON.parse(textOf(answer));
}

export function requestIdOf({ headers }: ServerAnswer): string | undefined {
  return headers.get('x-request-id') ?? undefined;
}

/** Server-Timing: `preprocess;dur=10.19, queue;dur=0.49, …` */
export function timingsOf({ headers }: ServerAnswer): Timings | undefined {
  const header = headers.get('server-timing') ?? '';
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
