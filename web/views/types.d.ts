/** A picture that was sent. */
export interface Picture {
  readonly name: string;
  readonly file: Blob;
  /** Of the file, for as long as the page lives. */
  readonly url: string;
  /** Upright; undefined where the browser cannot show such files. */
  readonly width: number | undefined;
  readonly height: number | undefined;
}

export interface PictureInJson {
  readonly b64: string;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
}

/** What a model answered for one picture: members of every task, each with its own. */
export interface Result {
  readonly predictions?: readonly Scored[];
  readonly detections?: readonly Detection[];
  readonly width?: number;
  readonly height?: number;
  readonly segments?: readonly Segment[];
  readonly embedding?: readonly number[] | string;
  readonly image?: PictureInJson;
  readonly text?: string;
  /** What chance was drawn from. */
  readonly seed?: number;
}

export interface Scored {
  readonly label: string;
  readonly index: number;
  readonly score: number;
}

export interface Detection extends Scored {
  readonly box: {
    readonly xmin: number;
    readonly ymin: number;
    readonly xmax: number;
    readonly ymax: number;
  };
}

export interface Segment {
  readonly label: string;
  readonly index: number;
  readonly score?: number;
  readonly area: number;
  readonly mask?: { readonly b64: string; readonly mediaType: string };
}

/** A picture with its result, of which others of the same model are compared. */
export interface Known {
  readonly picture: Picture;
  readonly result: Result;
}

export interface ViewInput extends Known {
  /** All of a request: more than one for models that take no photo. */
  readonly results: readonly Result[];
  /** Of the same model, from this visit, the newest first; the result itself is not among them. */
  readonly others: readonly Known[];
}

/** What a view makes of a result. */
export interface Drawn {
  /** Instead of the plain picture. */
  readonly stage?: HTMLElement;
  /** Beside it. */
  readonly side: HTMLElement;
}

/** A module of this folder. */
export interface View {
  draw(input: ViewInput): Drawn | Promise<Drawn>;
  /** A few words: under a thumbnail, and for those who hear the page. */
  describe(result: Result): string;
}
