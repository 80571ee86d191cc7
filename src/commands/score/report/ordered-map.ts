/**
 * Runs `work` on up to `concurrency` items at a time and yields the results in the order of the
 * items. Nothing is started while the consumer is behind.
 */
export async function* orderedMap<In, Out>(
  items: Iterable<In>,
  concurrency: number,
  work: (item: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const running: Promise<Out>[] = [];
  try {
    for (const item of items) {
      running.push(work(item));
      if (running.length < concurrency) continue;
      const first = running.shift();
      if (first !== undefined) yield await first;
    }
    for (let first = running.shift(); first !== undefined; first = running.shift()) {
      yield await first;
    }
  } finally {
    // A consumer that stops early, or a failure, leaves nothing running behind its back.
    await Promise.allSettled(running);
  }
}
