/** Making elements: texts are always set as text, never read as HTML. */

/** @typedef {import('./types').Child} Child */

/**
 * @template {string} Tag
 * @param {Tag} tag name of the element, with classes: `p.muted`
 * @param {import('./types').Properties<import('./types').Made<Tag>>} [properties] set on the element
 * @param {...Child} children null and undefined are left out
 * @returns {import('./types').Made<Tag>}
 */
export function make(tag, properties, ...children) {
  const [name = '', ...classes] = tag.split('.');
  const element = document.createElement(name);
  element.classList.add(...classes);
  /** @type {import('./types').Properties<HTMLElement>} */
  const { attributes = {}, dataset = {}, ...rest } = properties ?? {};
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  Object.assign(element.dataset, dataset);
  Object.assign(element, rest);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return /** @type {import('./types').Made<Tag>} */ (/** @type {unknown} */ (element));
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function shape(name, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return /** @type {SVGElement} */ (element);
}

/**
 * An element that the page has from the start.
 * @template {typeof HTMLElement} [T=typeof HTMLElement]
 * @param {string} id
 * @param {T} [type]
 * @returns {InstanceType<T>}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof (type ?? HTMLElement))) throw new Error(`There is no element "${id}"`);
  return /** @type {InstanceType<T>} */ (element);
}
