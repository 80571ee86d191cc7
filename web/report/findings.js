/** What a detector or a segmentation found in one image: boxes over it, and a list. */
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

  report.boxes = (row) => {
    if (!row.d || !row.z) return null;
    const [width, height] = row.z;
    const drawing = shape('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
    drawing.classList.add('boxes');
    // The best on top.
    for (const [id, , left, top, right, bottom] of [...row.d].reverse()) {
      drawing.append(
        shape('rect', {
          x: left,
          y: top,
          width: right - left,
          height: bottom - top,
          fill: 'none',
          stroke: colour(id),
          'stroke-width': 3,
          'vector-effect': 'non-scaling-stroke',
        }),
      );
    }
    return /** @type {SVGElement} */ (drawing);
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
    if (row.d) {
      if (row.d.length === 0) return make('p.muted', {}, 'Nothing was found.');
      const { low, high } = report.scoreRange;
      const lines = row.d.map(([id, score]) =>
        line(id, report.score(score), (score - low) / (high - low)),
      );
      return make('ol.predictions', {}, ...lines);
    }
    if (row.g) {
      if (row.g.length === 0) return make('p.muted', {}, 'Nothing was found.');
      const lines = row.g.map(([id, share, mask]) => {
        const item = line(id, `${(100 * share).toFixed(1)}% of the picture`, share);
        const { outputs } = report.data;
        const href = mask && outputs && report.address(outputs, mask, row.x === 1);
        if (href) {
          const link = { href, target: '_blank', rel: 'noopener noreferrer' };
          item.append(make('a', link, 'Open the mask'));
        }
        return item;
      });
      return make('ol.predictions', {}, ...lines);
    }
    return row.v === undefined ? null : make('p', {}, row.v);
  };
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
