/** The thumbnails of one page of images, and the buttons that turn pages. */
(function (report) {
  'use strict';
  const { byId, make } = report;
  /** @typedef {import('./report').Row} Row */
  report.pageSize = 60;

  /** @param {Row} row */
  function picture(row) {
    const address = report.thumbnail(row.n);
    if (address === null) return make('span.nothing', {}, 'No picture');
    return make('img', { src: address, alt: '', decoding: 'async', loading: 'lazy' });
  }

  /**
   * Boxes and masks lie over the picture as it does: as large as the frame lets it.
   * @param {Row} row
   */
  function frame(row) {
    return make('span.frame', {}, picture(row), ...report.overlays(row));
  }

  /** @param {Row} row */
  function words(row) {
    if (row.o) return make('span.label', {}, `${row.o.w} × ${row.o.h}`);
    if (row.v !== undefined) return make('span.label', { title: row.v }, row.v);
    const text = named(row);
    return make(
      'span.line',
      {},
      make('span.label', { title: text }, text),
      ...(row.score === null ? [] : [make('span.score', {}, report.score(row.score))]),
    );
  }

  /**
   * The first class, and how many other things were found.
   * @param {Row} row
   */
  function named(row) {
    if (row.label === null) return row.f ? 'Nothing found' : 'No prediction';
    const others = (row.f?.length ?? 1) - 1;
    return (row.labelName || 'Without a name') + (others > 0 ? ` and ${others} more` : '');
  }

  /** @param {Row} row */
  function bar(row) {
    const { low, high } = report.scoreRange;
    const fill = make('span.fill');
    fill.style.inlineSize = `${(100 * ((row.score ?? low) - low)) / (high - low)}%`;
    return make('span.bar', {}, fill);
  }

  /**
   * @param {Row} row
   * @param {number} place
   * @param {number} total
   */
  function card(row, place, total) {
    const button = make(
      'button.card',
      { type: 'button', tabIndex: -1, attributes: { 'aria-label': spoken(row) } },
      frame(row),
      words(row),
    );
    if (row.score !== null) button.append(bar(row));
    const curve = report.curve(row);
    if (curve) button.append(curve);
    if (row.actual !== null && report.verdict(row) === 'wrong') {
      button.classList.add('wrong');
      const { name } = report.classOf(row.actual);
      button.append(make('span.actual', { title: name }, `True class: ${name}`));
    }
    button.append(make('span.file', { title: row.p }, row.p));
    const item = make('li', {}, button);
    item.setAttribute('aria-posinset', String(place + 1));
    item.setAttribute('aria-setsize', String(total));
    return item;
  }

  /** @param {Row} row */
  function spoken(row) {
    const verdict = { right: ', right', wrong: ', wrong', none: '' }[report.verdict(row)];
    if (row.v !== undefined) return `${row.p}: ${row.v}`;
    if (row.o) return `${row.p}, generated picture`;
    const score = row.score === null ? '' : `, ${report.score(row.score)}`;
    return `${row.p}: ${named(row)}${score}${verdict}`;
  }

  /** @returns {HTMLElement[]} */
  function cardsShown() {
    return [...byId('grid').querySelectorAll('button')];
  }

  report.showGrid = (found, page) => {
    const start = page * report.pageSize;
    const shown = found.slice(start, start + report.pageSize);
    const cards = shown.map((row, at) => card(row, start + at, found.length));
    byId('grid').replaceChildren(...cards);
    byId('empty').hidden = found.length > 0;
    const [first] = cardsShown();
    if (first) first.tabIndex = 0;
  };

  report.showPagers = (page, pages, turn) => {
    /** @type {NodeListOf<HTMLElement>} */
    const pagers = document.querySelectorAll('[data-pager]');
    for (const pager of pagers) {
      /**
       * @param {string} text
       * @param {number} to
       * @param {string} name
       */
      const button = (text, to, name) =>
        make('button', {
          type: 'button',
          textContent: text,
          disabled: to < 0 || to >= pages || to === page,
          dataset: { turn: name },
          onclick: () => turn(to, name),
        });
      pager.replaceChildren(
        button('First', 0, 'first'),
        button('Previous', page - 1, 'previous'),
        make('span', {}, `Page ${report.number(page + 1)} of ${report.number(pages)}`),
        button('Next', page + 1, 'next'),
        button('Last', pages - 1, 'last'),
      );
      pager.hidden = pages < 2;
    }
  };

  // Arrow keys move between the cards as they lie; Tab reaches one of them.
  byId('grid').addEventListener('keydown', (event) => {
    const cards = cardsShown();
    const at = cards.findIndex((one) => one === document.activeElement);
    const current = cards[at];
    if (current === undefined) return;
    const top = cards[0]?.offsetTop;
    const inRow = cards.findIndex((other) => other.offsetTop !== top);
    const columns = inRow < 0 ? cards.length : inRow;
    /** @type {Readonly<Record<string, number>>} */
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      Home: -at,
      End: cards.length - 1 - at,
    };
    const next = cards[at + (steps[event.key] ?? NaN)];
    if (!next) return;
    event.preventDefault();
    current.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
