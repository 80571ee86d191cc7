import type { InferenceObserver, OwnStage } from './inference-observer';

interface Observed {
  readonly servable: { readonly name: string; readonly version: number };
  readonly observer?: InferenceObserver | undefined;
}

/** Does what is done for a request outside the batcher, and tells the observer from when to when. */
export function ownStage<T>(
  { servable, observer }: Observed,
  stage: OwnStage,
  work: () => Promise<T>,
): Promise<T> {
  const { name, version } = servable;
  const tell = observer?.span;
  if (tell === undefined) return work();
  const from = performance.now();
  const done = (error?: unknown): void => {
    tell(name, version, stage, { from, to: performance.now(), error });
  };
  return work().then(
    (value) => {
      done();
      return value;
    },
    (thrown: unknown) => {
      done(thrown);
      throw thrown;
    },
  );
}
