/** What is shown of the rows, in which order: nothing here touches the page. */
(function (report) {
  'use strict';
  const collator = new Intl.Collator('en', { numeric: true });
  /** @typedef {import('./report').Row} Row */
  /** @typedef {import('./report').Query} Query */

  /**
   * Compares numbers; rows without one come last in either direction.
   * @param {number | null} a
   * @param {number | null} b
   * @param {number} direction 1 for rising, -1 for falling
   */
  function byNumber(a, b, direction) {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return direction * (a - b);
  }

  /** @type {Readonly<Record<string, (a: Row, b: Row, direction: number) => number>>} */
  const orders = {
    name: (a, b, direction) => direction * collator.compare(a.p, b.p),
    label: (a, b, direction) => direction * collator.compare(a.labelName, b.labelName),
    score: (a, b, direction) => byNumber(a.score, b.score, direction),
    time: (a, b, direction) => byNumber(a.time, b.time, direction),
  };

  /**
   * @param {readonly Row[]} rows
   * @param {string} sort name of an order, after a minus for the reverse
   */
  function inOrder(rows, sort) {
    const falling = sort.startsWith('-');
    const compare = orders[falling ? sort.slice(1) : sort];
    if (compare === undefined) throw new Error(`There is no order "${sort}"`);
    return [...rows].sort((a, b) => compare(a, b, falling ? -1 : 1));
  }

  report.noFilters = {
    search: '',
    label: null,
    actual: null,
    verdict: '',
    from: null,
    to: null,
    sort: 'name',
    page: 0,
  };

  report.verdict = (row) => {
    if (row.actual === null) return 'none';
    return row.actual === row.label ? 'right' : 'wrong';
  };

  /**
   * @param {Row} row
   * @param {Query} query
   * @param {readonly string[]} words of the search
   */
  function matches(row, query, words) {
    if (query.label !== null && !row.labels.includes(query.label)) return false;
    if (query.actual !== null && row.actual !== query.actual) return false;
    if (query.verdict !== '' && report.verdict(row) !== query.verdict) return false;
    if (query.from !== null && !((row.score ?? NaN) >= query.from)) return false;
    if (query.to !== null && !((row.score ?? NaN) <= query.to)) return false;
    return words.every((word) => row.text.includes(word));
  }

  /** @type {string | null} */
  let lastSort = null;
  /** @type {readonly Row[]} */
  let sorted = [];

  // The order is kept: filters change more often than it does.
  report.select = (rows, query) => {
    if (lastSort !== query.sort) {
      sorted = inOrder(rows, query.sort);
      lastSort = query.sort;
    }
    const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
    return sorted.filter((row) => matches(row, query, words));
  };
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
