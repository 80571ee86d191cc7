import type { Answered } from '../../../client/answers';
import type { GeneratedPicture } from '../../../client/image-answers';
import { askData, askPictures } from '../../../client/image-calls';
import type { ResultBody } from '../../../client/image-results';
import { openTransport } from '../../../client/open-transport';
import type { Transport } from '../../../client/transport';
import { ServingClient } from '../../../client/serving-client';
import { ServingClientError } from '../../../client/client-error';
import { messageOf } from '../../../kernel/errors';
import { DEFAULT_DECODE_LIMITS, readImageHeader } from '../../../imaging/open-image';
import { CliError } from '../../exit-codes';
import { backOff } from './back-off';
import {
  engineTimings,
  ImageFault,
  requireImageTask,
  type EngineRequest,
  type EngineResult,
  type ScoringEngine,
} from './engine';

export interface RemoteOptions {
  /** Addresses of servers with the same model; asked in turn. */
  readonly servers: readonly string[];
  readonly model: string;
  readonly version: number | undefined;
  readonly request: EngineRequest;
  /** Images under way at each server. @default 16 */
  readonly perServer?: number;
  /** Milliseconds without any server's answer after which the run ends. @default 120000 */
  readonly patienceMs?: number;
}

const PER_SERVER = 16;
const PATIENCE_MS = 120_000;
/** A call that takes longer has been lost. */
const CALL_TIMEOUT_MS = 120_000;
/** Faults of the server under one image before the image is taken to be the cause. */
const MAX_FAULTS = 3;

/**
 * Scores through running servers: round robin, tried again elsewhere after 429, 503 and lost
 * connections.
 * @throws CliError engineFailed when no server serves the model
 */
export async function remoteEngine(options: RemoteOptions): Promise<ScoringEngine> {
  const { servers, request, model } = options;
  // Trying again is done here, at the next server.
  const policy = { retries: 0, timeoutMs: CALL_TIMEOUT_MS };
  const clients = servers.map((url) => new ServingClient(url, policy));
  const transports = servers.map((url) => openTransport(url, policy));
  const { task, version } = await whatIsServed(clients, servers, options);
  const patience = new Patience(options.patienceMs ?? PATIENCE_MS);
  let next = 0;

  const once = async (
    image: Buffer,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<EngineResult> => {
    const { format, quality, parameters: query } = request;
    const options = { model, version, signal, format, quality };
    const call = { verb: task.verb, images: image, options, query };
    if (task.pictures !== 'always') {
      const { data, timings } = (await askData(transport, call, (body) => ({
        data: body,
      }))) as Answered & { readonly data: ResultBody };
      return {
        answer: { data },
        timings: timings && engineTimings(timings),
        batchRows: undefined,
      };
    }
    const { bytes, timings } = (await askPictures(transport, call)) as GeneratedPicture;
    const { width, height } = await readImageHeader(bytes, {
      ...DEFAULT_DECODE_LIMITS,
      maxPixels: Number.MAX_SAFE_INTEGER,
      maxImageSide: Number.MAX_SAFE_INTEGER,
    });
    return {
      answer: { data: {}, picture: { bytes, format, width, height } },
      timings: timings && engineTimings(timings),
      batchRows: undefined,
    };
  };

  return {
    model,
    version: String(version),
    task,
    place: `by ${servers.join(', ')}`,
    concurrency: (options.perServer ?? PER_SERVER) * servers.length,
    close: () => Promise.resolve(),
    score: async (image, signal) => {
      let faults = 0;
      for (let attempt = 0; ; attempt++) {
        const transport = transports[next++ % transports.length];
        if (transport === undefined) throw new RangeError('there is no server');
        try {
          const result = await once(image, transport, signal);
          patience.answered();
          return result;
        } catch (thrown) {
          if (!(thrown instanceof ServingClientError)) throw thrown;
          if (thrown.status !== undefined) patience.answered();
          if (isServerFault(thrown)) faults += 1;
          if (!isRetriable(thrown) || faults > MAX_FAULTS) throw faultOf(thrown);
          patience.require(thrown);
          // With several servers the next one is tried at once.
          const round = Math.floor(attempt / clients.length);
          if ((attempt + 1) % clients.length === 0) {
            await backOff(round, thrown.retryAfterMs ?? 0, signal);
          }
        }
      }
    },
  };
}

/** The run ends when nobody has answered for long; a server that is restarted is waited for. */
class Patience {
  readonly #ms: number;
  #lastAnswer = performance.now();

  constructor(ms: number) {
    this.#ms = ms;
  }

  answered(): void {
    this.#lastAnswer = performance.now();
  }

  require(cause: ServingClientError): void {
    const silence = performance.now() - this.#lastAnswer;
    if (silence < this.#ms) return;
    throw new CliError(
      'engineFailed',
      `No server has answered for ${Math.round(silence / 1000)} s: ${cause.message}`,
      { cause },
    );
  }
}

function isRetriable({ retriable, code }: ServingClientError): boolean {
  return retriable || code === 'CONNECTION_FAILED' || code === 'TIMEOUT';
}

/** What may be the image's doing after all. */
function isServerFault({ code }: ServingClientError): boolean {
  return code === 'OUT_OF_MEMORY' || code === 'TIMEOUT';
}

/** Faults of the request as such concern every image: they end the run. */
function faultOf(error: ServingClientError): Error {
  const { status = 0, code } = error;
  const ofAll = code.startsWith('MODEL_') || code.startsWith('VERSION_') || code === 'WRONG_TASK';
  const answered = status >= 400 && code !== 'HTTP_ERROR' && code !== 'INVALID_RESPONSE';
  return answered && !ofAll && status !== 404
    ? new ImageFault(code, error.message)
    : new CliError('engineFailed', `The server answered: ${error.message}`, { cause: error });
}

async function whatIsServed(
  clients: readonly ServingClient[],
  servers: readonly string[],
  { model, version, request }: RemoteOptions,
): Promise<{ task: ScoringEngine['task']; version: number }> {
  const served = await Promise.all(
    clients.map(async (client, index) => {
      const server = servers[index] ?? '';
      try {
        const { servable, versions } = await client.model(model);
        const wanted = version ?? servable?.version;
        const available = versions.some(
          (one) => one.version === wanted && one.state === 'AVAILABLE',
        );
        if (servable === undefined || wanted === undefined || !available) {
          throw new CliError(
            'engineFailed',
            `${server} does not serve model ${model}${version === undefined ? '' : ` version ${version}`}`,
          );
        }
        return { task: servable.task, version: wanted, server };
      } catch (cause) {
        if (cause instanceof CliError) throw cause;
        throw new CliError('engineFailed', `${server}: ${messageOf(cause)}`, { cause });
      }
    }),
  );
  const [first] = served;
  if (first === undefined) throw new CliError('usage', 'There is no server');
  const other = served.find((one) => one.version !== first.version || one.task !== first.task);
  if (other !== undefined) {
    throw new CliError(
      'engineFailed',
      `${first.server} serves version ${first.version} of ${model} and ${other.server} version ${other.version}: choose one with --model-version`,
    );
  }
  return { task: requireImageTask(model, first.task, request), version: first.version };
}
