import { AsyncLocalStorage } from 'node:async_hooks';

import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';

import { ServingError } from '../../kernel/errors';
import type { BatchTracer } from '../../kernel/request-trace';
import { batchTracer } from './batch-spans';
import { SpanClock } from './clock';
import type { OpenTelemetry } from './sdk';

/** What is known of a request at its start. */
export interface TracedRequest {
  readonly id: string;
  readonly method: string;
  readonly scheme: string;
  /** Without the query, which may hold what is nobody else's business. */
  readonly path: string;
  /** Checked: it has the form of W3C Trace Context. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** What is known of it at its end. */
interface TracedAnswer {
  /** Pattern of the address; undefined where nothing is there. */
  readonly route: string | undefined;
  readonly status: number;
  /** Of its error. */
  readonly code: string | undefined;
}

export interface RequestSpan {
  readonly traceId: string;
  /** Whatever is begun in `work` belongs to it. */
  run(work: () => void): void;
  end(answer: TracedAnswer): void;
}

/** When something began and ended, by performance.now(), and what it failed with. */
export interface Duration {
  readonly from: number;
  readonly to: number;
  readonly error?: unknown;
}

/** Turns what happens to requests into spans. */
export class Tracing {
  readonly #api: OpenTelemetry['api'];
  readonly #tracer: Tracer;
  readonly #shutdown: () => Promise<void>;
  readonly #clock = new SpanClock();
  /** The span of the request that is being answered. */
  readonly #requests = new AsyncLocalStorage<Context>();

  constructor(
    api: OpenTelemetry['api'],
    { tracer, shutdown }: { readonly tracer: Tracer; readonly shutdown: () => Promise<void> },
  ) {
    this.#api = api;
    this.#tracer = tracer;
    this.#shutdown = shutdown;
  }

  begin(request: TracedRequest): RequestSpan {
    const { trace, SpanKind } = this.#api;
    const { id, method, scheme, path } = request;
    const parent = this.#parentOf(request);
    this.#clock.follow();
    const span = this.#tracer.startSpan(
      method,
      {
        kind: SpanKind.SERVER,
        startTime: this.#clock.now(),
        attributes: {
          'http.request.method': method,
          'url.scheme': scheme,
          'url.path': path,
          'tfjs_serving.request.id': id,
        },
      },
      parent,
    );
    const context = trace.setSpan(parent, span);
    return {
      traceId: span.spanContext().traceId,
      run: (work) => {
        this.#requests.run(context, work);
      },
      end: ({ route, status, code }) => {
        if (route !== undefined) {
          span.updateName(`${method} ${route}`);
          span.setAttribute('http.route', route);
        }
        span.setAttribute('http.response.status_code', status);
        if (code !== undefined) span.setAttribute('error.type', code);
        // A refusal is the fault of the client: the span of a server is not marked for it.
        if (status >= 500) this.#fail(span, code ?? String(status));
        span.end(this.#clock.now());
      },
    };
  }

  /** A stage of the request in whose course it is called. */
  stage(model: string, version: number, stage: string, { from, to, error }: Duration): void {
    const context = this.#current();
    if (context === undefined) return;
    const span = this.#tracer.startSpan(
      stage,
      { startTime: this.#clock.at(from), attributes: attributesOf(model, version) },
      context,
    );
    if (error !== undefined) this.#fail(span, codeOf(error));
    span.end(this.#clock.at(to));
  }

  /** Traces what the batcher of a model does with requests. */
  batches(model: string, version: number): BatchTracer {
    return batchTracer({
      api: this.#api,
      tracer: this.#tracer,
      clock: this.#clock,
      attributes: attributesOf(model, version),
      current: () => this.#current(),
      fail: (span, thrown) => {
        this.#fail(span, codeOf(thrown));
      },
    });
  }

  /** Sends what has not been sent. Never rejects: who sends them logs what fails. */
  async close(): Promise<void> {
    await this.#shutdown().catch(() => undefined);
  }

  /** Undefined where nothing of the request is recorded. */
  #current(): Context | undefined {
    const context = this.#requests.getStore();
    if (context === undefined) return undefined;
    return this.#api.trace.getSpan(context)?.isRecording() === true ? context : undefined;
  }

  #parentOf({ traceparent, tracestate }: TracedRequest): Context {
    const { ROOT_CONTEXT, createTraceState, trace } = this.#api;
    const [, traceId, spanId, flags] = traceparent?.split('-') ?? [];
    if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
    // Its successor is in a package that comes with the SDK alone, in whatever version that has.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const state = tracestate === undefined ? undefined : createTraceState(tracestate);
    return trace.setSpanContext(ROOT_CONTEXT, {
      traceId,
      spanId,
      traceFlags: Number.parseInt(flags, 16),
      isRemote: true,
      ...(state === undefined ? {} : { traceState: state }),
    });
  }

  /** The code alone: messages may repeat what a client sent. */
  #fail(span: Span, code: string): void {
    span.setAttribute('error.type', code);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: code });
  }
}

function attributesOf(model: string, version: number): Attributes {
  return { 'tfjs_serving.model.name': model, 'tfjs_serving.model.version': version };
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof ServingError) return thrown.code;
  return thrown instanceof Error ? thrown.constructor.name : 'INTERNAL';
}
