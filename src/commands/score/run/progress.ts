import { SingleBar } from 'cli-progress';

import type { Tally } from './tally';

export interface Progress {
  stop(): void;
}

/** Milliseconds between two lines where there is no terminal. */
const LINE_EVERY_MS = 10_000;
const BAR_EVERY_MS = 200;

/** A bar on a terminal, a line now and then elsewhere, nothing when it is to be quiet. */
export function showProgress(tally: Tally, out: NodeJS.WriteStream, quiet: boolean): Progress {
  if (quiet) return { stop: () => undefined };
  return out.isTTY ? bar(tally, out) : lines(tally, out);
}

function bar(tally: Tally, stream: NodeJS.WriteStream): Progress {
  const single = new SingleBar({
    stream,
    format: '{bar} {percent}  {count}  {rate}/s  ETA {left}  errors {errors}  batch {batch}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
  });
  const draw = (): void => {
    single.setTotal(Math.max(tally.found, tally.rows, 1));
    single.update(tally.rows, facts(tally));
  };
  single.start(1, 0, facts(tally));
  const timer = setInterval(draw, BAR_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      draw();
      single.stop();
    },
  };
}

function lines(tally: Tally, stream: NodeJS.WriteStream): Progress {
  const timer = setInterval(() => {
    const { percent, count, rate, left, errors, batch } = facts(tally);
    stream.write(`${percent} ${count}, ${rate}/s, ETA ${left}, errors ${errors}, batch ${batch}\n`);
  }, LINE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}

function facts(tally: Tally): Record<string, string> {
  const { found: total, allFound: known } = tally;
  const left = Math.max(0, total - tally.rows);
  const share = known && total > 0 ? `${Math.floor((100 * tally.rows) / total)}%` : '';
  return {
    percent: share,
    count: known ? `${tally.rows}/${total}` : `${tally.rows} of ${Math.max(total, tally.rows)}+`,
    rate: tally.rate.toFixed(1),
    left: known && tally.scored > 0 ? duration(left / tally.rate) : '?',
    errors: String(tally.errors),
    batch: tally.batchRows === 0 ? '-' : String(tally.batchRows),
  };
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0
    ? `${h}h${String(m).padStart(2, '0')}m`
    : m > 0
      ? `${m}m${String(s).padStart(2, '0')}s`
      : `${s}s`;
}
