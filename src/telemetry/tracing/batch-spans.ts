import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';

import type { BatchTracer, RequestTrace } from '../../kernel/request-trace';
import type { SpanClock } from './clock';
import type { OpenTelemetry } from './sdk';

export interface BatchSpansOptions {
  readonly api: OpenTelemetry['api'];
  readonly tracer: Tracer;
  readonly clock: SpanClock;
  /** Of every span: the model. */
  readonly attributes: Attributes;
  /** The span of the request that calls; undefined where it is not recorded. */
  readonly current: () => Context | undefined;
  readonly fail: (span: Span, thrown: unknown) => void;
}

/**
 * Spans of the batcher: `queue` and `infer` for each request, and one `batch` for all that run together. The
 * batch belongs to the first of them, below its `infer`, so that it is recorded whenever that is; it and the
 * `infer` of every request have links to each other.
 */
export function batchTracer(options: BatchSpansOptions): BatchTracer {
  return {
    enter: () => {
      const context = options.current();
      return context === undefined ? undefined : new QueuedTrace(options, context);
    },
    run: (traces, { rows, paddedRows }) => {
      const { api, tracer, clock, attributes, fail } = options;
      const traced = traces.filter((trace) => trace instanceof QueuedTrace);
      const from = clock.now();
      const runs = traced.map((trace) => trace.run(from));
      const [first] = runs;
      if (first === undefined) return () => undefined;
      const batch = tracer.startSpan(
        'batch',
        {
          startTime: from,
          attributes: {
            ...attributes,
            'tfjs_serving.batch.rows': rows,
            'tfjs_serving.batch.padded_rows': paddedRows,
            'tfjs_serving.batch.requests': traces.length,
          },
          links: runs.map(({ span }) => ({ context: span.spanContext() })),
        },
        api.trace.setSpan(first.context, first.span),
      );
      for (const { span } of runs) {
        span.addLink({ context: batch.spanContext() });
        span.setAttribute('tfjs_serving.batch.rows', rows);
      }
      let ended = false;
      return (thrown) => {
        if (ended) return;
        ended = true;
        const to = clock.now();
        if (thrown !== undefined) fail(batch, thrown);
        batch.end(to);
        for (const trace of traced) trace.ran(to, thrown);
      };
    },
  };
}

/** One request: it waits, runs, and where its run failed it may wait again. */
class QueuedTrace implements RequestTrace {
  readonly #options: BatchSpansOptions;
  readonly #context: Context;
  /** Since when it waits. */
  #waitsSince: number | undefined;
  #infer: Span | undefined;
  /** Its run has failed; what that means for it is not decided yet. */
  #failed: { readonly at: number; readonly thrown: unknown } | undefined;

  constructor(options: BatchSpansOptions, context: Context) {
    this.#options = options;
    this.#context = context;
  }

  queued(): void {
    this.#endFailed();
    this.#waitsSince = this.#options.clock.now();
  }

  rejected(error: Error): void {
    this.#endFailed(error);
    this.#endWait(this.#options.clock.now(), error);
  }

  /** It leaves the queue. @returns its span, and what that is part of */
  run(at: number): { readonly span: Span; readonly context: Context } {
    this.#endWait(at);
    const span = this.#start('infer', at);
    this.#infer = span;
    return { span, context: this.#context };
  }

  ran(at: number, thrown: unknown): void {
    if (thrown === undefined) {
      this.#infer?.end(at);
      this.#infer = undefined;
    } else this.#failed = { at, thrown };
  }

  #endWait(to: number, error?: Error): void {
    if (this.#waitsSince === undefined) return;
    const span = this.#start('queue', this.#waitsSince);
    if (error !== undefined) this.#options.fail(span, error);
    span.end(to);
    this.#waitsSince = undefined;
  }

  /** @param error what it is answered with @default it is tried again */
  #endFailed(error?: Error): void {
    if (this.#failed === undefined || this.#infer === undefined) return;
    const { at, thrown } = this.#failed;
    this.#options.fail(this.#infer, error ?? thrown);
    this.#infer.end(at);
    this.#infer = undefined;
    this.#failed = undefined;
  }

  #start(name: string, startTime: number): Span {
    const { tracer, attributes } = this.#options;
    return tracer.startSpan(name, { startTime, attributes }, this.#context);
  }
}
