import { ConsoleLines } from './console-lines';

/** Milliseconds between two looks at what is being loaded. */
const REDRAW_MS = 1000;

export interface Terminal {
  write(text: string): unknown;
  /** Width in characters. */
  readonly columns?: number | undefined;
}

/**
 * Where the logger writes on a terminal. While models load, the last line tells which and for how
 * long, and is drawn again every second.
 */
export function consoleStream(terminal: Terminal): { write(line: string): void } {
  const lines = new ConsoleLines();
  let drawn = false;
  let timer: NodeJS.Timeout | undefined;
  const clear = (): string => (drawn ? '\r\u001b[K' : '');
  const draw = (text = ''): void => {
    // A line that wraps cannot be drawn again.
    const progress = lines.progress(performance.now())?.slice(0, (terminal.columns ?? 80) - 1);
    const begin = clear();
    drawn = progress !== undefined;
    const out = `${begin}${text}${progress ?? ''}`;
    if (out !== '') terminal.write(out);
    if (progress === undefined) {
      clearInterval(timer);
      timer = undefined;
    } else {
      timer ??= setInterval(() => {
        draw();
      }, REDRAW_MS).unref();
    }
  };
  return {
    write: (line) => {
      const text = lines.of(line, performance.now());
      draw(text === undefined ? '' : `${text}\n`);
    },
  };
}
