/** Ties filters, tabs and the grid together. What is shown is also in the address after `#`. */
(function (report) {
  'use strict';
  const { byId, make, number, percent, plural, rows, classes } = report;
  const { totals, created } = report.data;
  const { accuracy } = totals;
  const range = report.scoreRange;
  /** @typedef {import('./report').Query} Query */
  /** @typedef {import('./report').TabName} TabName */
  const STEPS = 200;
  let query = { ...report.noFilters };
  /** @type {TabName} */
  let tab = 'images';
  /** @type {readonly import('./report').Row[]} */
  let found = [];

  function showHead() {
    const day = new Date(created).toLocaleString('en-GB', {
      dateStyle: 'long',
      timeStyle: 'short',
    });
    const models = totals.models.map(([model]) => model).join(', ');
    byId('subtitle').textContent = [models, day].filter(Boolean).join(' · ');
    /**
     * @param {string} term
     * @param {string} text
     * @param {string} [note]
     */
    const add = (term, text, note) =>
      byId('figures').append(
        make(
          'div',
          {},
          make('dt', {}, term),
          make('dd', {}, text, ...(note ? [make('small', {}, note)] : [])),
        ),
      );
    add('Images', number(totals.rows));
    add('Scored', number(totals.scored));
    add('Errors', number(totals.failed));
    if (accuracy) {
      add(
        'Top-1',
        percent(accuracy.top1, accuracy.labelled),
        `${number(accuracy.top1)} of ${number(accuracy.labelled)}`,
      );
      if (accuracy.k > 1) {
        add(
          `Top-${accuracy.k}`,
          percent(accuracy.topK, accuracy.labelled),
          `${number(accuracy.topK)} of ${number(accuracy.labelled)}`,
        );
      }
    }
    const mean = totals.stages.find(([stage]) => stage === 'total');
    if (mean) add('Mean time', report.milliseconds(mean[1]));
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {string} all text of the choice of all classes
   * @param {readonly number[]} ids of the classes to choose from
   */
  function fillSelect(select, all, ids) {
    const options = ids
      .map(report.classOf)
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      .map(({ id, name }) => make('option', { value: String(id) }, name));
    select.replaceChildren(make('option', { value: '' }, all), ...options);
  }

  function showBars() {
    /** @type {number[]} */
    const bins = new Array(40).fill(0);
    for (const { score } of rows) {
      if (score === null) continue;
      const at = Math.floor(((score - range.low) / (range.high - range.low)) * bins.length);
      const bin = Math.min(bins.length - 1, at);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const most = Math.max(1, ...bins);
    byId('bars').replaceChildren(
      ...bins.map((count) => {
        const one = make('span');
        one.style.blockSize = count === 0 ? '0' : `${Math.max(6, 100 * Math.sqrt(count / most))}%`;
        return one;
      }),
    );
  }

  /** @param {number} step of a slider */
  const toScore = (step) => range.low + ((range.high - range.low) * step) / STEPS;
  /** @param {number} score */
  const toStep = (score) => Math.round(((score - range.low) / (range.high - range.low)) * STEPS);

  function showFilters() {
    byId('search').value = query.search;
    byId('label').value = query.label === null ? '' : String(query.label);
    byId('actual').value = query.actual === null ? '' : String(query.actual);
    byId('verdict').value = query.verdict;
    byId('sort').value = query.sort;
    byId('score-from').value = String(query.from === null ? 0 : toStep(query.from));
    byId('score-to').value = String(query.to === null ? STEPS : toStep(query.to));
    showRange();
    const filters = /** @type {const} */ (['search', 'label', 'actual', 'verdict', 'from', 'to']);
    byId('reset').hidden = filters.every((key) => query[key] === report.noFilters[key]);
  }

  function showRange() {
    const from = Number(byId('score-from').value);
    const to = Number(byId('score-to').value);
    byId('range-text').textContent =
      `${report.score(toScore(from))} to ${report.score(toScore(to))}`;
    [...byId('bars').children].forEach((one, at, all) => {
      const middle = ((at + 0.5) / all.length) * STEPS;
      one.classList.toggle('out', middle < from || middle > to);
    });
  }

  function showImages() {
    found = report.select(rows, query);
    const pages = Math.max(1, Math.ceil(found.length / report.pageSize));
    query = { ...query, page: Math.min(query.page, pages - 1) };
    const listed =
      rows.length < totals.scored ? ` (a sample of ${number(totals.scored)} scored)` : '';
    byId('count').textContent =
      found.length === rows.length
        ? `${plural(rows.length, 'image')}${listed}`
        : `${number(found.length)} of ${plural(rows.length, 'image')}${listed}`;
    report.showGrid(found, query.page);
    report.showPagers(query.page, pages, turn);
    showFilters();
    keepAddress();
  }

  /** @param {Partial<Query>} part */
  function change(part) {
    query = { ...query, page: 0, ...part };
    showImages();
  }

  /**
   * @param {number} page
   * @param {string} name of the button that was pressed
   */
  function turn(page, name) {
    query = { ...query, page };
    showImages();
    byId('grid').scrollIntoView({ block: 'nearest' });
    if (window.scrollY > byId('filters').offsetTop) byId('filters').scrollIntoView();
    // The button was made again: the keyboard stays where it was.
    /** @type {HTMLElement | null} */
    const again = document.querySelector(`[data-turn="${name}"]:not(:disabled)`);
    again?.focus({ preventScroll: true });
  }

  const allTabs = /** @type {const} */ (['images', 'classes', 'confusion', 'errors']);
  const tabs = allTabs.filter(
    (name) =>
      (name !== 'classes' || classes.length > 0) &&
      (name !== 'confusion' || accuracy !== undefined),
  );
  /** @type {Set<TabName>} */
  const drawn = new Set();
  const draw = {
    images: () => {},
    classes: () => report.showClasses(filterFrom),
    confusion: () => report.showConfusion(filterFrom),
    errors: report.showErrors,
  };

  /** @param {TabName} name */
  function showTab(name) {
    tab = name;
    if (!drawn.has(name)) draw[name]();
    drawn.add(name);
    for (const own of allTabs) {
      const button = byId(`tab-${own}`);
      button.hidden = !tabs.includes(own);
      button.setAttribute('aria-selected', String(own === name));
      button.tabIndex = own === name ? 0 : -1;
      byId(`panel-${own}`).hidden = own !== name;
    }
    keepAddress();
  }

  /** @param {Partial<Query>} part */
  function filterFrom(part) {
    query = { ...report.noFilters, sort: query.sort };
    change(part);
    showTab('images');
    window.scrollTo(0, 0);
    byId('tab-images').focus();
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pending;
  function keepAddress() {
    // Browsers refuse more than a few hundred changes of the address in a short time.
    clearTimeout(pending);
    pending = setTimeout(() => {
      const parts = new URLSearchParams();
      if (tab !== 'images') parts.set('tab', tab);
      /** @type {Readonly<Record<string, string | number | null>>} */
      const unfiltered = { ...report.noFilters };
      for (const [key, value] of Object.entries(query)) {
        if (value !== unfiltered[key]) parts.set(key, String(value));
      }
      history.replaceState(null, '', `#${parts}`);
    }, 300);
  }

  function readAddress() {
    const parts = new URLSearchParams(location.hash.slice(1));
    /**
     * @param {string} key
     * @param {(value: number) => boolean} valid
     */
    const numeric = (key, valid) => {
      const value = Number(parts.get(key));
      return parts.has(key) && Number.isFinite(value) && valid(value) ? value : null;
    };
    /** @param {'verdict' | 'sort'} key */
    const choice = (key) => {
      const options = [...byId(key).options].map(({ value }) => value);
      const value = parts.get(key) ?? '';
      return options.includes(value) ? value : report.noFilters[key];
    };
    query = {
      search: parts.get('search') ?? '',
      label: numeric('label', (id) => classes[id] !== undefined),
      actual: numeric('actual', (id) => classes[id] !== undefined),
      verdict: choice('verdict'),
      from: numeric('from', () => true),
      to: numeric('to', () => true),
      sort: choice('sort'),
      page: numeric('page', (page) => Number.isInteger(page) && page >= 0) ?? 0,
    };
    tab = tabs.find((name) => name === parts.get('tab')) ?? 'images';
  }

  showHead();
  /** @type {Readonly<Record<string, boolean>>} */
  const has = {
    truth: accuracy !== undefined,
    classes: rows.some((row) => row.label !== null),
    scores: rows.some((row) => row.score !== null),
  };
  /** @type {NodeListOf<HTMLElement>} */
  const parts = document.querySelectorAll('[data-for]');
  for (const part of parts) {
    if (has[part.dataset.for ?? '']) continue;
    // An option that is only hidden could still be chosen with the keyboard.
    if (part instanceof HTMLOptionElement) part.remove();
    else part.hidden = true;
  }

  const actual = rows.map((row) => row.actual).filter((id) => id !== null);
  fillSelect(byId('label'), 'All labels', [...new Set(rows.flatMap((row) => row.labels))]);
  fillSelect(byId('actual'), 'All classes', [...new Set(actual)]);
  for (const id of /** @type {const} */ (['score-from', 'score-to'])) {
    Object.assign(byId(id), { min: '0', max: String(STEPS), step: '1' });
  }
  showBars();

  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  /**
   * @param {keyof import('./report').Elements} id
   * @param {() => void} action
   */
  const onInput = (id, action) => byId(id).addEventListener('input', action);
  /** @param {string} text */
  const asId = (text) => (text === '' ? null : Number(text));
  onInput('search', () => change({ search: byId('search').value }));
  onInput('label', () => change({ label: asId(byId('label').value) }));
  onInput('actual', () => change({ actual: asId(byId('actual').value) }));
  onInput('verdict', () => change({ verdict: byId('verdict').value }));
  onInput('sort', () => change({ sort: byId('sort').value }));

  let frame = 0;
  /**
   * @param {'score-from' | 'score-to'} moved
   * @param {'score-from' | 'score-to'} other
   * @param {(value: number, limit: number) => number} clamp
   */
  const onSlide = (moved, other, clamp) =>
    onInput(moved, () => {
      const limit = Number(byId(other).value);
      byId(moved).value = String(clamp(Number(byId(moved).value), limit));
      showRange();
      // A drag sends many events between two pictures; the last one counts.
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const from = Number(byId('score-from').value);
        const to = Number(byId('score-to').value);
        change({
          from: from === 0 ? null : toScore(from),
          to: to === STEPS ? null : toScore(to),
        });
      });
    });
  onSlide('score-from', 'score-to', Math.min);
  onSlide('score-to', 'score-from', Math.max);
  byId('reset').addEventListener('click', () => {
    change({ ...report.noFilters, sort: query.sort });
    byId('search').focus();
  });

  byId('grid').addEventListener('click', (event) => {
    const card = event.target instanceof Element ? event.target.closest('.card') : null;
    if (!card) return;
    const place = [...byId('grid').querySelectorAll('.card')].indexOf(card);
    report.openDetail(found, query.page * report.pageSize + place, (last) => {
      const page = Math.floor(last / report.pageSize);
      if (page !== query.page) {
        query = { ...query, page };
        showImages();
      }
      /** @type {NodeListOf<HTMLElement>} */
      const cards = byId('grid').querySelectorAll('.card');
      cards[last % report.pageSize]?.focus();
    });
  });

  for (const name of tabs) {
    const button = byId(`tab-${name}`);
    button.addEventListener('click', () => showTab(name));
    button.addEventListener('keydown', ({ key }) => {
      const by = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
      const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
      if (by === 0 || next === undefined) return;
      showTab(next);
      byId(`tab-${next}`).focus();
    });
  }
  document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (event.key !== '/' || typing || byId('detail').open) return;
    event.preventDefault();
    showTab('images');
    byId('search').focus();
  });
  window.addEventListener('hashchange', () => {
    readAddress();
    showImages();
    showTab(tab);
  });

  byId('tab-errors').textContent = `Errors (${number(totals.failed)})`;
  readAddress();
  showImages();
  showTab(tab);
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
