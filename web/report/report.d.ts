import type { PageData, PageRow } from '../../src/commands/score/report/page-data';

/** A row as the page works with it. */
export interface Row extends PageRow {
  /** Number of the class that was predicted first, or found with the best score. */
  readonly label: number | null;
  /** Numbers of every class that was found, or of the first prediction. */
  readonly labels: readonly number[];
  /** Its name; empty without a prediction. */
  readonly labelName: string;
  readonly score: number | null;
  /** Number of the true class. */
  readonly actual: number | null;
  /** Milliseconds in total. */
  readonly time: number | null;
  /** What a search looks at, in lower case. */
  readonly text: string;
}

/** A class; its number is its place in the list. */
export interface ReportClass {
  readonly id: number;
  readonly name: string;
  readonly index: number | null;
  /** Images for which it was predicted first, or in which it was found. */
  readonly predicted: number;
  /** Images of which it is the true class. */
  readonly actual: number;
  /** Images of both. */
  readonly correct: number;
  readonly meanScore: number | null;
}

export type Verdict = 'right' | 'wrong' | 'none';

/** What the page shows; null and '' mean any. */
export interface Query {
  readonly search: string;
  readonly label: number | null;
  readonly actual: number | null;
  readonly verdict: string;
  readonly from: number | null;
  readonly to: number | null;
  /** `name`, `label`, `score` or `time`, after a minus for the reverse. */
  readonly sort: string;
  readonly page: number;
}

export type Filter = (part: Partial<Query>) => void;
export type TabName = 'images' | 'classes' | 'confusion' | 'errors';

/** The elements of page.html that scripts ask for, by id. */
export type Elements = Record<`panel-${TabName}` | `tab-${TabName}`, HTMLElement> & {
  readonly actual: HTMLSelectElement;
  readonly bars: HTMLElement;
  readonly count: HTMLElement;
  readonly data: HTMLScriptElement;
  readonly detail: HTMLDialogElement;
  readonly empty: HTMLElement;
  readonly figures: HTMLElement;
  readonly filters: HTMLFormElement;
  readonly grid: HTMLElement;
  readonly label: HTMLSelectElement;
  readonly 'range-text': HTMLElement;
  readonly reset: HTMLButtonElement;
  readonly 'score-from': HTMLInputElement;
  readonly 'score-to': HTMLInputElement;
  readonly search: HTMLInputElement;
  readonly sort: HTMLSelectElement;
  readonly subtitle: HTMLElement;
  readonly verdict: HTMLSelectElement;
};

/** The element's name in a tag such as `p.muted`. */
type NameIn<Tag extends string> = Tag extends `${infer Name}.${string}` ? Name : Tag;
export type Made<Tag extends string> =
  NameIn<Tag> extends keyof HTMLElementTagNameMap
    ? HTMLElementTagNameMap[NameIn<Tag>]
    : HTMLElement;
type Properties<Element> = Partial<Omit<Element, 'attributes' | 'dataset'>> & {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly dataset?: Readonly<Record<string, string>>;
};

/** What the scripts share. Each adds its part, in the order of page.ts. */
export interface Report {
  // data.js
  data: PageData;
  classes: readonly ReportClass[];
  rows: readonly Row[];
  /** The address of a thumbnail; null where there is none. */
  thumbnail(number: number | undefined): string | null;
  /** The address of a file of a row, relative to the page; null where it cannot be written. */
  address(folder: string, file: string, escaped: boolean): string | null;
  classOf(id: number): ReportClass;
  /** Name and relative address of a root. */
  rootOf(number: number): readonly [name: string, href: string];

  // query.js
  noFilters: Query;
  verdict(row: Row): Verdict;
  /** The rows that match, in order. */
  select(rows: readonly Row[], query: Query): readonly Row[];

  // dom.js
  byId<Id extends keyof Elements>(id: Id): Elements[Id];
  /**
   * Makes an element. Texts are set as text, never read as HTML.
   * @param tag name of the element, with classes: `p.muted`
   * @param properties set on the element
   */
  make<Tag extends string>(
    tag: Tag,
    properties?: Properties<Made<Tag>>,
    ...children: (Node | string)[]
  ): Made<Tag>;
  number(value: number): string;
  percent(part: number, of: number): string;
  plural(count: number, noun: string): string;
  /** Probabilities in per cent, scores of another range as they are. */
  score(value: number | null): string;
  milliseconds(value: number): string;
  scoreRange: { readonly low: number; readonly high: number; readonly probability: boolean };

  // grid.js
  /** Images on one page. */
  pageSize: number;
  showGrid(found: readonly Row[], page: number): void;
  /** @param turn called with the page to show and the name of the button */
  showPagers(page: number, pages: number, turn: (page: number, name: string) => void): void;

  // findings.js
  /** Masks and boxes to lie over a picture. */
  overlays(row: Row): readonly Element[];
  /** A drawing of its numbers; null where it has none. */
  curve(row: Row): Element | null;
  /** A slider for how strongly masks cover `framed`; null where there are none. */
  strength(row: Row, framed: HTMLElement): HTMLElement | null;
  /** What was found, one line each; null where a row has no list of it. */
  findings(row: Row): HTMLElement | null;

  // detail.js
  /** @param closed called with the place of the image last shown */
  openDetail(found: readonly Row[], place: number, closed: (place: number) => void): void;

  // tables.js
  showClasses(filter: Filter): void;
  showConfusion(filter: Filter): void;
  showErrors(): void;
}

declare global {
  var report: Report;
}
