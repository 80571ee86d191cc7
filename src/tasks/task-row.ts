import type { z } from 'zod';

import type { EncodeFormat } from '../imaging/encode';

/**
 * How a member of a row is stored in CSV and Parquet: as JSON text, as one number, as a list of
 * 32-bit numbers, or each member of an object in a column of its own (`output_path`).
 */
export type MemberColumn = 'json' | 'integer' | 'floats' | Readonly<Record<string, FieldType>>;
type FieldType = 'STRING' | 'INT64';

/** A class that a row names. */
export interface RowClass {
  readonly label: string;
  readonly index: number;
  readonly score?: number | undefined;
}

/** A file that was written for a row. */
export interface KeptFile {
  /** Below the folder of such files. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly bytes: number;
}

/** A picture before it is a file. */
export interface RowPicture {
  readonly bytes: Uint8Array;
  readonly format: EncodeFormat;
  readonly width: number;
  readonly height: number;
}

/** What a model answered for an image, from this process or over HTTP. */
export interface RowAnswer {
  /** In JSON, as the task answers it. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly picture?: RowPicture | undefined;
}

/**
 * What a report shows of a row. It draws what is there, and knows nothing of tasks; a row whose task
 * has no view is written out as text.
 */
export interface RowView {
  /** In a few words, where neither a class nor a picture says it. */
  readonly text?: string;
  /** Numbers to be drawn as a curve. */
  readonly curve?: readonly number[];
  /** Things in the image, the most important first; empty where nothing was found. */
  readonly findings?: readonly RowFinding[];
  /** A picture that was made of the image, shown beside it. */
  readonly picture?: KeptFile;
}

/** One thing in an image. */
export interface RowFinding extends RowClass {
  /** In pixels of the upright original. */
  readonly box?: {
    readonly xmin: number;
    readonly ymin: number;
    readonly xmax: number;
    readonly ymax: number;
  };
  /** Share of the image that it covers, 0 to 1. */
  readonly share?: number;
  /** File of its mask, below the folder of files: bright where it is. */
  readonly mask?: string | undefined;
}

interface RowTools {
  /** To the decimals that scores have in rows. */
  readonly round: (score: number) => number;
  /**
   * Writes a file, where there is a folder for files.
   * @param mark tells several files of one image apart
   */
  readonly keep: (picture: RowPicture, mark?: string) => Promise<KeptFile | undefined>;
}

/**
 * What a row of a scored folder holds of a task.
 * @typeParam M members of the row
 */
export interface TaskRow<M = unknown> {
  /** Parameters of the task that a scorer may set; the others change the form of the answer. */
  readonly parameters: readonly string[];
  /** Whether it needs a folder for files. */
  readonly files: 'needed' | 'welcome' | 'none';
  readonly members: z.ZodType<M>;
  /** Every member, in the order of the columns. A row of the task has all of them. */
  readonly columns: Readonly<Record<keyof M & string, MemberColumn>>;
  of(answer: RowAnswer, tools: RowTools): Promise<M>;
  /** The classes that it names, the most important first. */
  classes(members: M): readonly RowClass[];
  /**
   * What they are: `ranked` for one decision, best first, which may be right or wrong; `found` in the
   * image, so that their number is a count.
   */
  readonly classesAre: 'ranked' | 'found' | 'none';
  /** What a report shows of it. @default each member as text */
  view?(members: M): RowView;
}

/** A row whose own types nobody outside needs to know. */
export type AnyTaskRow = Omit<TaskRow<never>, 'members' | 'columns' | 'of'> & {
  readonly members: z.ZodType;
  readonly columns: Readonly<Record<string, MemberColumn>>;
  of(answer: RowAnswer, tools: RowTools): Promise<unknown>;
};

/** Checks a row's types where it is written, and forgets them. */
export function defineRow<M>(row: TaskRow<M>): AnyTaskRow {
  return row;
}
