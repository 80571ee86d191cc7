/** One image at a larger size: its predictions, or the pictures before and after. */
(function (report) {
  'use strict';
  const { byId, make } = report;
  const dialog = byId('detail');
  /** @typedef {import('./report').Row} Row */

  /** @param {Row} row */
  function predictions(row) {
    const { low, high } = report.scoreRange;
    const list = make('ol.predictions');
    for (const [id, score] of row.s ?? []) {
      const fill = make('span.fill');
      fill.style.inlineSize = `${(100 * ((score ?? low) - low)) / (high - low)}%`;
      const item = make(
        'li',
        {},
        make('span.label', {}, report.classOf(id).name),
        make('span.score', {}, report.score(score)),
        make('span.bar', {}, fill),
      );
      if (id === row.actual) item.classList.add('true');
      list.append(item);
    }
    return list;
  }

  /**
   * @param {Row} row
   * @param {NonNullable<Row['o']>} output
   */
  function compare(row, output) {
    const after = report.thumbnail(row.n);
    const before = report.thumbnail(row.b);
    if (after === null) return make('div.large', {}, make('span.nothing', {}, 'No picture'));
    if (before === null) {
      return make('div.large', {}, make('img', { src: after, alt: 'After' }));
    }
    const box = make('div.compare', {});
    box.style.aspectRatio = `${output.w} / ${output.h}`;
    box.style.inlineSize = `min(100%, ${((60 * output.w) / output.h).toFixed(1)}vh)`;
    const old = make('img.before', { src: before, alt: 'Before' });
    const line = make('span.divider');
    const slider = make('input', {
      type: 'range',
      min: '0',
      max: '100',
      attributes: { 'aria-label': 'Share of the picture shown as before, in per cent' },
    });
    slider.value = '50';
    const moveDivider = () => {
      old.style.clipPath = `inset(0 ${100 - Number(slider.value)}% 0 0)`;
      line.style.insetInlineStart = `${slider.value}%`;
    };
    slider.addEventListener('input', moveDivider);
    moveDivider();
    box.append(
      make('img', { src: after, alt: 'After' }),
      old,
      line,
      make('span.corner', {}, 'Before'),
      make('span.corner.right', {}, 'After'),
      slider,
    );
    return box;
  }

  /** @param {Row} row */
  function facts(row) {
    const list = make('dl.facts');
    /**
     * @param {string} term
     * @param {string} text
     */
    const add = (term, text) => list.append(make('dt', {}, term), make('dd', {}, text));
    add('Root', report.rootOf(row.r)[0]);
    if (row.actual !== null) add('True class', report.classOf(row.actual).name);
    if (row.o)
      add('Output', `${row.o.p} (${row.o.w} × ${row.o.h}, ${report.plural(row.o.b, 'byte')})`);
    for (const [stage, ms] of Object.entries(row.t ?? {})) add(stage, report.milliseconds(ms));
    return list;
  }

  /** @param {Row} row */
  function links(row) {
    const escaped = row.x === 1;
    const line = make('p.links');
    /**
     * @param {string} text
     * @param {string | null} href
     */
    const add = (text, href) => {
      if (href === null) return;
      line.append(make('a', { href, target: '_blank', rel: 'noopener noreferrer' }, text));
    };
    add('Open the image', report.address(report.rootOf(row.r)[1], row.p, escaped));
    if (row.o && report.data.outputs !== null) {
      add('Open the output', report.address(report.data.outputs, row.o.p, escaped));
    }
    return line;
  }

  /**
   * The image with what was found in it.
   * @param {Row} row
   */
  function large(row) {
    const address = report.thumbnail(row.n);
    if (address === null) return make('div.large', {}, make('span.nothing', {}, 'No picture'));
    const framed = make(
      'span.framed',
      {},
      make('img', { src: address, alt: row.p }),
      ...report.overlays(row),
    );
    const strength = report.strength(row, framed);
    return make('div', {}, make('div.large', {}, framed), ...(strength ? [strength] : []));
  }

  /** @type {readonly Row[]} */
  let list = [];
  let at = 0;

  function show() {
    const row = list[at];
    if (row === undefined) return;
    /**
     * @param {string} text
     * @param {number} by
     */
    const step = (text, by) =>
      make('button', {
        type: 'button',
        textContent: text,
        disabled: list[at + by] === undefined,
        onclick: () => move(by),
      });
    const found = report.findings(row) ?? (row.s ? predictions(row) : null);
    const close = make('button', { type: 'button', textContent: 'Close', className: 'close' });
    close.addEventListener('click', () => dialog.close());
    dialog.replaceChildren(
      make(
        'header',
        {},
        make('h2', { id: 'detail-title' }, row.p),
        make('span.muted', {}, `${report.number(at + 1)} of ${report.number(list.length)}`),
        step('Previous', -1),
        step('Next', 1),
        close,
      ),
      make(
        row.o ? 'div.body.generated' : 'div.body',
        {},
        row.o ? compare(row, row.o) : large(row),
        make('div', {}, ...(found ? [found] : []), facts(row), links(row)),
      ),
    );
  }

  /** @param {number} by */
  function move(by) {
    if (list[at + by] === undefined) return;
    at += by;
    show();
    /** @type {HTMLElement | null} */
    const close = dialog.querySelector('.close');
    close?.focus();
  }

  report.openDetail = (found, place, closed) => {
    list = found;
    at = place;
    show();
    dialog.showModal();
    dialog.addEventListener('close', () => closed(at), { once: true });
  };

  dialog.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === 'ArrowRight') move(1);
    if (event.key === 'ArrowLeft') move(-1);
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
