/**
 * What closed-loop contenders and the suite say to each other: no HTTP, so that what HTTP costs
 * shows in the difference.
 */
export interface LoopOrder {
  readonly task: 'classify' | 'generate';
  readonly models: readonly string[];
  /** Images in flight at once. */
  readonly concurrency: number;
  readonly seconds: number;
  readonly photos: readonly string[];
}

export interface LoopReport {
  readonly seconds: number;
  readonly count: number;
  readonly latenciesMs: readonly number[];
  readonly meanBatch?: number;
  readonly decodeMs?: number;
  readonly predictMs?: number;
  /** Class of the first photo, for the check before measuring. */
  readonly firstIndex?: number;
}

export type LoopMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: LoopReport }
  | { readonly kind: 'error'; readonly message: string };

/** Answers orders until the suite goes away. */
export function serveOrders(run: (order: LoopOrder) => Promise<LoopReport>): void {
  const say = (message: LoopMessage): void => {
    process.send?.(message);
  };
  process.on('message', (order: LoopOrder) => {
    run(order).then(
      (report) => {
        say({ kind: 'report', report });
      },
      (error: unknown) => {
        say({ kind: 'error', message: error instanceof Error ? error.message : String(error) });
      },
    );
  });
  process.on('disconnect', () => process.exit());
  say({ kind: 'ready' });
}

/** Keeps `concurrency` calls going for some seconds; what runs at the end is not counted. */
export async function closedLoop(
  { concurrency, seconds }: Pick<LoopOrder, 'concurrency' | 'seconds'>,
  call: (turn: number) => Promise<void>,
): Promise<{ readonly seconds: number; readonly count: number; readonly latenciesMs: number[] }> {
  const latenciesMs: number[] = [];
  const start = performance.now();
  const end = start + seconds * 1000;
  let turn = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (;;) {
        const began = performance.now();
        if (began >= end) return;
        await call(turn++);
        const now = performance.now();
        if (now <= end) latenciesMs.push(now - began);
      }
    }),
  );
  return { seconds, count: latenciesMs.length, latenciesMs };
}
