/** What is shown of the rows, in which order: nothing here touches the page. */
(function (report) {
  'use strict';
  const collator = new Intl.Collator('en', { numeric: true });
  const missingLast = (a, b, compare) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return compare(a, b);
  };
  const numbers = (a, b) => a - b;
  const order = {
    name: (direction) => (a, b) => direction * collator.compare(a.p, b.p),
    label: (direction) => (a, b) => direction * collator.compare(a.labelName, b.labelName),
    score: (direction) => (a, b) =>
      missingLast(a.score, b.score, (x, y) => direction * numbers(x, y)),
    time: (direction) => (a, b) => missingLast(a.time, b.time, (x, y) => direction * numbers(x, y)),
  };

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

  function matches(row, query, words) {
    if (query.label !== null && row.label !== query.label) return false;
    if (query.actual !== null && row.actual !== query.actual) return false;
    if (query.verdict !== '' && report.verdict(row) !== query.verdict) return false;
    if (query.from !== null && !(row.score >= query.from)) return false;
    if (query.to !== null && !(row.score <= query.to)) return false;
    return words.every((word) => row.text.includes(word));
  }

  let lastSort = null;
  let sorted = [];

  /** The rows that match, in order. Sorting is kept: filters change more often than it. */
  report.select = (rows, query) => {
    if (lastSort !== query.sort) {
      const [, minus, key] = /^(-?)(.*)$/.exec(query.sort);
      sorted = [...rows].sort(order[key](minus === '-' ? -1 : 1));
      lastSort = query.sort;
    }
    const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
    return sorted.filter((row) => matches(row, query, words));
  };
})((globalThis.report ??= {}));
