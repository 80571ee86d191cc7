/** What was found in one image: boxes and masks over it, and a list; or a curve, or words. */
(function (report) {
  'use strict';
  const { make } = report;
  const SVG = 'http://www.w3.org/2000/svg';
  /** A full turn divided by the golden ratio, in degrees: as the server colours classes. */
  const GOLDEN_ANGLE = 137.507764;

  /** @param {number} id of a class */
  function colour(id) {
    const index = report.classOf(id).index ?? id;
    return `hsl(${(index * GOLDEN_ANGLE + 210) % 360} 100% 44%)`;
  }

  /**
   * @param {string} name
   * @param {Readonly<Record<string, string | number>>} attributes
   */
  function shape(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  }

  /**
   * @param {import('./report').Row} row
   * @returns {Element | null}
   */
  function boxes(row) {
    if (!row.f || !row.z) return null;
    const [width, height] = row.z;
    const drawing = shape('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
    drawing.classList.add('overlay');
    // The best on top.
    for (const { c, b } of [...row.f].reverse()) {
      if (!b) continue;
      const [left, top, right, bottom] = b;
      drawing.append(
        shape('rect', {
          x: left,
          y: top,
          width: right - left,
          height: bottom - top,
          fill: 'none',
          stroke: colour(c),
          'stroke-width': 2.5,
          'vector-effect': 'non-scaling-stroke',
        }),
      );
    }
    return drawing;
  }

  report.overlays = (row) => {
    const drawn = boxes(row);
    const masks = report.thumbnail(row.m);
    return [
      ...(masks === null ? [] : [make('img.overlay.masks', { src: masks, alt: '' })]),
      ...(drawn === null ? [] : [drawn]),
    ];
  };

  report.curve = (row) => {
    const { c: values } = row;
    if (!values || values.length < 2) return null;
    const most = Math.max(...values.map(Math.abs)) || 1;
    const drawing = shape('svg', {
      viewBox: `0 -1.05 ${values.length} 2.1`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    });
    drawing.classList.add('curve');
    for (const [at, value] of values.entries()) {
      const size = Math.abs(value) / most;
      const y = value > 0 ? -size : 0;
      drawing.append(shape('rect', { x: at + 0.1, y, width: 0.8, height: size }));
    }
    return drawing;
  };

  /** How strongly masks cover the image: kept from one image to the next. */
  let strength = 60;

  report.strength = (row, framed) => {
    if (row.m === undefined) return null;
    const slider = make('input', { type: 'range', min: '0', max: '100', value: String(strength) });
    const apply = () => {
      strength = Number(slider.value);
      framed.style.setProperty('--masks', String(strength / 100));
    };
    slider.addEventListener('input', apply);
    apply();
    return make('label.strength', {}, make('span', {}, 'Masks'), slider);
  };

  /**
   * @param {number} id of a class
   * @param {string} value
   * @param {number} share of the bar, 0 to 1
   */
  function line(id, value, share) {
    const fill = make('span.fill');
    fill.style.inlineSize = `${100 * Math.min(1, Math.max(0, share))}%`;
    fill.style.background = colour(id);
    return make(
      'li',
      {},
      make('span.label', {}, report.classOf(id).name || 'Without a name'),
      make('span.score', {}, value),
      make('span.bar', {}, fill),
    );
  }

  report.findings = (row) => {
    if (row.v !== undefined) {
      const curve = report.curve(row);
      return make('div', {}, ...(curve ? [curve] : []), make('p.said', {}, row.v));
    }
    if (!row.f) return null;
    if (row.f.length === 0) return make('p.muted', {}, 'Nothing was found.');
    const { low, high } = report.scoreRange;
    const lines = row.f.map(({ c, s: score = null, a: share, m: mask }) => {
      const item =
        share === undefined
          ? line(c, report.score(score), ((score ?? low) - low) / (high - low))
          : line(c, `${(100 * share).toFixed(1)}% of the image`, share);
      const { outputs } = report.data;
      const href = mask && outputs && report.address(outputs, mask, row.x === 1);
      if (href) {
        const link = { href, target: '_blank', rel: 'noopener noreferrer' };
        item.append(make('a', link, 'Open the mask'));
      }
      return item;
    });
    return make('ol.predictions', {}, ...lines);
  };
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
