import { byId } from '../base/dom.js';
import { framed, photo } from '../views/parts.js';
import { showProblem } from './problem.js';
import { showTimings } from './timings.js';
import { viewOf } from './views.js';

/** The place of the picture, and that of what was answered. */

/** @typedef {import('./types').Entry} Entry */

/** @param {Entry} entry */
export function failed({ result }) {
  return 'error' in result;
}

/** What was asked last to be shown: views are loaded, and another may be shown before they are there. */
let turn = 0;

/**
 * @param {Entry} entry
 * @param {readonly Entry[]} others of the same model
 * @param {() => void} retry
 */
export async function showEntry(entry, others, retry) {
  const mine = ++turn;
  const { picture, result, times } = entry;
  const view = await viewOf(entry.view);
  const drawn =
    'error' in result
      ? undefined
      : await view.draw({
          picture,
          result,
          others: others.flatMap((other) =>
            'error' in other.result ? [] : [{ picture: other.picture, result: other.result }],
          ),
        });
  if (mine !== turn) return;
  showPicture(drawn?.stage ?? framed(picture));
  byId('side').replaceChildren(...(drawn ? [drawn.side] : []));
  byId('problem').hidden = true;
  if ('error' in result) showProblem(byId('problem'), result.error, retry);
  const pixels = picture.width === undefined ? '' : ` · ${picture.width} × ${picture.height}`;
  byId('answer-of').textContent = `${entry.model} · ${picture.name}${pixels}`;
  showTimings(byId('timings'), times);
}

/** @param {import('../views/types').Picture} picture @param {string} text */
export function showWaiting(picture, text) {
  turn++;
  showPicture(photo(picture).tagName === 'IMG' ? framed(picture) : photo(picture));
  byId('answer-of').textContent = text;
  clear();
}

/** @param {Element} element */
function showPicture(element) {
  byId('invitation').hidden = true;
  byId('stage').hidden = false;
  byId('stage').replaceChildren(element);
}

function clear() {
  byId('side').replaceChildren();
  byId('problem').hidden = true;
  byId('timings').hidden = true;
}

/**
 * An error of the request as a whole.
 * @param {import('../base/api.js').Problem} problem
 * @param {() => void} retry
 */
export function showFailure(problem, retry) {
  turn++;
  clear();
  showProblem(byId('problem'), problem, retry);
}

/** @param {import('./types').ModelSummary} model */
export function showUnavailable({ name, versions, problems }) {
  turn++;
  clear();
  const reason = problems[0] ?? versions.at(-1)?.reason;
  const isLoading = versions.some(({ state }) => state === 'LOADING' || state === 'START');
  byId('answer-of').textContent = isLoading ? `${name} is being loaded…` : name;
  if (isLoading) return;
  const detail = reason ?? 'No version of it is loaded.';
  showProblem(byId('problem'), { title: 'This model is not available', detail }, () => {});
}

/** The words of a view for an entry. @param {Entry} entry */
export async function describe({ view, result }) {
  if ('error' in result) return String(/** @type {any} */ (result.error).title ?? 'Failed');
  return (await viewOf(view)).describe(result);
}
