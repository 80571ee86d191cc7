import type { ScoreRow } from './score-row';

/** A format whose rows are text, one after the other in a file that grows. */
export interface TextFormat {
  /** What stands before the first row. */
  readonly header: string;
  /** One row with its end. */
  write(row: ScoreRow): string;
  /** What the file has instead of `header`, which rows cannot be added to; undefined where it is this. */
  otherHeader(file: string): Promise<string | undefined>;
  /** Length in bytes of the whole rows among the first rows of the file; what follows is torn. */
  completeLength(file: string): Promise<number>;
  /**
   * The rows of a file without a torn end.
   * @throws Error naming the line when one is not a row
   */
  read(file: string): AsyncIterable<ScoreRow>;
}
