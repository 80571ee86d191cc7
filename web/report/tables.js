/** The tables: classes, confusion and errors. */
(function (report) {
  'use strict';
  const { byId, make, number, percent } = report;
  const { accuracy } = report.data.totals;
  /** @typedef {import('./report').ReportClass} ReportClass */
  /** @typedef {readonly [text: string, className?: string]} Head of a column */
  const MATRIX_CLASSES = 25;
  const SHOWN = 200;

  /**
   * @param {string} caption
   * @param {readonly Head[]} heads
   * @param {readonly HTMLElement[]} rows
   */
  function table(caption, heads, rows) {
    return make(
      'div.scroll',
      { tabIndex: 0, attributes: { role: 'region', 'aria-label': caption } },
      make(
        'table',
        {},
        make('caption', {}, caption),
        make(
          'thead',
          {},
          make(
            'tr',
            {},
            ...heads.map(([text, className = '']) => make('th', { scope: 'col', className }, text)),
          ),
        ),
        make('tbody', {}, ...rows),
      ),
    );
  }
  /** @param {string} text */
  const cell = (text) => make('td.number', {}, text);

  /**
   * Rows by SHOWN at a time: a model can have more classes than a page should hold.
   * @template T
   * @param {(some: readonly T[]) => HTMLElement} makeTable
   * @param {readonly T[]} items
   */
  function grow(makeTable, items) {
    const body = { shown: SHOWN };
    const holder = make('div');
    const draw = () => {
      holder.replaceChildren(makeTable(items.slice(0, body.shown)));
      if (body.shown >= items.length) return;
      const more = make('button', {
        type: 'button',
        className: 'more',
        textContent: `Show more (${number(items.length - body.shown)} left)`,
      });
      more.addEventListener('click', () => {
        body.shown += SHOWN;
        draw();
      });
      holder.append(more);
    };
    draw();
    return holder;
  }

  report.showClasses = (filter) => {
    const seen = report.classes.filter(({ predicted, actual }) => predicted + actual > 0);
    const most = Math.max(1, ...seen.map(({ predicted }) => predicted));
    /** @type {Head[]} */
    const heads = [['Class'], ['Index', 'number'], ['Images', 'number'], ['Share']];
    const hasScores = seen.some(({ meanScore }) => meanScore !== null);
    if (hasScores) heads.push(['Mean score', 'number']);
    if (accuracy) heads.push(['True', 'number'], ['Recall', 'number'], ['Precision', 'number']);
    /** @param {ReportClass} one */
    const line = (one) => {
      const name = make('button.plain', { type: 'button' }, one.name);
      name.addEventListener('click', () => filter({ label: one.id }));
      const fill = make('span.fill');
      fill.style.inlineSize = `${(100 * one.predicted) / most}%`;
      const cells = [
        make('th', { scope: 'row' }, name),
        cell(one.index === null ? '–' : String(one.index)),
        cell(number(one.predicted)),
        make('td.wide', {}, make('span.bar', {}, fill)),
      ];
      if (hasScores) cells.push(cell(report.score(one.meanScore)));
      if (accuracy) {
        cells.push(
          cell(number(one.actual)),
          cell(percent(one.correct, one.actual)),
          cell(percent(one.correct, one.predicted)),
        );
      }
      return make('tr', {}, ...cells);
    };
    const { classified } = report.data.totals;
    const caption = classified > 0 ? 'Classes by first prediction' : 'Classes found, by images';
    const items = [...seen].sort((a, b) => b.predicted - a.predicted || b.actual - a.actual);
    byId('panel-classes').replaceChildren(
      grow((some) => table(caption, heads, some.map(line)), items),
    );
  };

  report.showConfusion = (filter) => {
    if (accuracy === undefined) return;
    const { confusion } = accuracy;
    const pairs = new Map(
      confusion.map(([actual, predicted, count]) => [`${actual} ${predicted}`, count]),
    );
    /** @type {Map<number, number>} */
    const mistakes = new Map();
    for (const [actual, predicted, count] of confusion) {
      if (actual === predicted) continue;
      mistakes.set(actual, (mistakes.get(actual) ?? 0) + count);
      mistakes.set(predicted, (mistakes.get(predicted) ?? 0) + count);
    }
    const wrong = confusion
      .filter(([actual, predicted]) => actual !== predicted)
      .sort((a, b) => b[2] - a[2]);
    const seen = report.classes.filter(({ actual, id }) => actual > 0 || mistakes.has(id));
    const axis = [...seen]
      .sort((a, b) => (mistakes.get(b.id) ?? 0) - (mistakes.get(a.id) ?? 0) || b.actual - a.actual)
      .slice(0, MATRIX_CLASSES)
      .sort((a, b) => (a.index ?? Infinity) - (b.index ?? Infinity) || (a.name < b.name ? -1 : 1));

    /** @param {readonly [number, number, number]} pair */
    const listLine = ([actual, predicted, count]) => {
      const show = make('button.plain', { type: 'button' }, number(count));
      show.addEventListener('click', () => filter({ actual, label: predicted }));
      return make(
        'tr',
        {},
        make('th', { scope: 'row' }, report.classOf(actual).name),
        make('td', {}, report.classOf(predicted).name),
        make('td.number', {}, show),
      );
    };
    /** @param {ReportClass} actual */
    const matrixLine = (actual) => {
      const cells = axis.map((predicted) => {
        const count = pairs.get(`${actual.id} ${predicted.id}`) ?? 0;
        if (count === 0) return make('td.none', {}, '·');
        const button = make(
          'button',
          {
            type: 'button',
            title: `${actual.name} taken for ${predicted.name}`,
            attributes: {
              'aria-label': `${number(count)}: ${actual.name} taken for ${predicted.name}`,
            },
          },
          number(count),
        );
        button.addEventListener('click', () => filter({ actual: actual.id, label: predicted.id }));
        const filled = make(actual.id === predicted.id ? 'td.hit' : 'td.miss', {}, button);
        filled.style.setProperty('--share', String(Math.sqrt(count / Math.max(1, actual.actual))));
        return filled;
      });
      return make(
        'tr',
        {},
        make('th', { scope: 'row', title: actual.name }, actual.name),
        ...cells,
      );
    };
    const note =
      seen.length > axis.length
        ? `The ${axis.length} of ${number(seen.length)} classes with the most mistakes. Rows are true classes, columns first predictions; choose a number to see its images.`
        : 'Rows are true classes, columns first predictions; choose a number to see its images.';
    const matrix = table(
      'Confusion',
      [['True class'], ...axis.map(({ name }) => /** @type {const} */ ([name, 'up']))],
      axis.map(matrixLine),
    );
    matrix.classList.add('matrix');
    byId('panel-confusion').replaceChildren(
      wrong.length === 0
        ? make('p.note', {}, 'Every labelled image was classified as its label says.')
        : grow(
            (some) =>
              table(
                'Most frequent mistakes',
                [['True class'], ['Taken for'], ['Images', 'number']],
                some.map(listLine),
              ),
            wrong,
          ),
      make('p.muted', {}, note),
      matrix,
    );
  };

  report.showErrors = () => {
    const { errors, totals } = report.data;
    const panel = byId('panel-errors');
    if (totals.failed === 0) {
      panel.replaceChildren(make('p.note', {}, 'Every image was scored.'));
      return;
    }
    const select = make('select', { id: 'error-code' }, make('option', { value: '' }, 'All codes'));
    for (const [code, count] of totals.errorCodes) {
      select.append(make('option', { value: code }, `${code} (${number(count)})`));
    }
    const holder = make('div');
    /** @param {import('../../src/commands/score/report/page-data').PageError} error */
    const line = ([file, root, code, message]) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, file, make('span.muted', {}, ` ${report.rootOf(root)[0]}`)),
        make('td', {}, make('code', {}, code)),
        make('td.message', {}, message),
      );
    const draw = () => {
      const some = errors.filter(([, , code]) => select.value === '' || code === select.value);
      holder.replaceChildren(
        grow(
          (shown) =>
            table(
              'Images that could not be scored',
              [['File'], ['Code'], ['Message']],
              shown.map(line),
            ),
          some,
        ),
      );
    };
    select.addEventListener('change', draw);
    draw();
    const parts = [make('label.field', {}, make('span', {}, 'Code'), select), holder];
    if (errors.length < totals.failed) {
      parts.splice(
        1,
        0,
        make(
          'p.muted',
          {},
          `${number(errors.length)} of ${number(totals.failed)} errors are listed; the counts are of all.`,
        ),
      );
    }
    panel.replaceChildren(...parts);
  };
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
