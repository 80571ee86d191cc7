/** Making elements: texts are always set as text, never read as HTML. */
(function (report) {
  'use strict';
  report.byId = (id) => {
    const element = document.getElementById(id);
    if (element === null) throw new Error(`There is no element "${id}"`);
    return /** @type {import('./report').Elements[typeof id]} */ (/** @type {unknown} */ (element));
  };

  report.make = (tag, properties, ...children) => {
    const [name = '', ...classes] = tag.split('.');
    const element = document.createElement(name);
    element.classList.add(...classes);
    const { attributes = {}, dataset = {}, ...rest } = properties ?? {};
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    Object.assign(element.dataset, dataset);
    Object.assign(element, rest);
    element.append(...children);
    return /** @type {import('./report').Made<typeof tag>} */ (/** @type {unknown} */ (element));
  };

  const whole = new Intl.NumberFormat('en');
  report.number = (value) => whole.format(value);
  report.percent = (part, of) => (of === 0 ? '–' : `${((100 * part) / of).toFixed(1)}%`);
  report.plural = (count, noun) => `${whole.format(count)} ${noun}${count === 1 ? '' : 's'}`;
  report.score = (value) => {
    if (value === null) return '–';
    return report.scoreRange.probability ? `${(100 * value).toFixed(1)}%` : value.toFixed(3);
  };
  report.milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

  let low = 0;
  let high = 1;
  for (const { score } of report.rows) {
    if (score === null) continue;
    if (score < low) low = score;
    if (score > high) high = score;
  }
  report.scoreRange = { low, high, probability: low === 0 && high === 1 };
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
