/** The views of web/views by their names, loaded when a model first needs them. */

const NAMES = ['bars', 'boxes', 'masks', 'compare', 'embedding', 'grid', 'text', 'json'];

/**
 * @param {string} name
 * @returns {Promise<import('../views/types').View>} one that shows JSON for names that are not known
 */
export function viewOf(name) {
  return import(`../views/${NAMES.includes(name) ? name : 'json'}.js`);
}
