import { byId, make } from '../base/dom.js';
import { addressOf, framed } from '../views/parts.js';
import { showProblem } from './problem.js';
import { showTimings } from './timings.js';
import { viewOf } from './views.js';

/** The place of the picture, and that of what was answered. */

/** @typedef {import('./types').Entry} Entry */
/** @typedef {import('../views/types').Picture} Picture */
/** @typedef {import('../views/types').Result} Result */

/** @param {Entry} entry */
export function failed({ results }) {
  return results.every((result) => 'error' in result);
}

/** @param {Entry} entry @returns {readonly Result[]} without what failed */
function good({ results }) {
  return results.flatMap((result) => ('error' in result ? [] : [result]));
}

/** @param {Entry} entry @returns {Picture} a stand-in where no photo was sent */
function pictureOf({ picture, name }) {
  return picture ?? { name, file: new Blob(), url: '', width: undefined, height: undefined };
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
  const { picture, times } = entry;
  const results = good(entry);
  const [result] = results;
  const view = await viewOf(entry.view);
  const drawn =
    result &&
    (await view.draw({ picture: pictureOf(entry), result, results, others: knownOf(others) }));
  if (mine !== turn) return;
  showStage(drawn?.stage ?? (picture && framed(picture)));
  byId('side').replaceChildren(...(drawn ? [drawn.side] : []));
  const bad = entry.results.find((one) => 'error' in one);
  byId('problem').hidden = true;
  if (bad && 'error' in bad) showProblem(byId('problem'), bad.error, retry);
  const pixels = picture?.width === undefined ? '' : ` · ${picture.width} × ${picture.height}`;
  byId('answer-of').textContent = `${entry.model} · ${entry.name}${pixels}`;
  showTimings(byId('timings'), times);
}

/** @param {readonly Entry[]} entries */
function knownOf(entries) {
  return entries.flatMap((entry) => {
    const [result] = good(entry);
    return result ? [{ picture: pictureOf(entry), result }] : [];
  });
}

/** @param {Picture | undefined} picture @param {string} text */
export function showWaiting(picture, text) {
  turn++;
  if (picture) showStage(framed(picture));
  byId('answer-of').textContent = text;
  clear();
}

/** @param {Element | undefined} element undefined: what invites to choose a photo */
function showStage(element) {
  byId('invitation').hidden = element !== undefined;
  byId('stage').hidden = element === undefined;
  byId('stage').replaceChildren(...(element ? [element] : []));
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

/**
 * A model of which nothing was asked yet.
 * @param {import('./types').ModelDetails} model
 * @param {boolean} takesPhotos
 */
export function showFresh({ name, servable, versions, problems }, takesPhotos) {
  turn++;
  clear();
  showStage(
    takesPhotos || servable === undefined
      ? undefined
      : make('p.nothing', {}, 'What the model makes is shown here.'),
  );
  if (servable !== undefined) {
    byId('answer-of').textContent = takesPhotos
      ? 'Choose a photo, and what the model says of it is shown here.'
      : 'Fill in what the model takes, and press Generate.';
    return;
  }
  const reason = problems[0] ?? versions.at(-1)?.reason;
  const isLoading = versions.some(({ state }) => state === 'LOADING' || state === 'START');
  byId('answer-of').textContent = isLoading ? `${name} is being loaded…` : name;
  if (isLoading) return;
  const detail = reason ?? 'No version of it is loaded.';
  showProblem(byId('problem'), { title: 'This model is not available', detail }, () => {});
}

/** The words of a view for an entry. @param {Entry} entry */
export async function describe(entry) {
  const [result] = good(entry);
  if (result) return (await viewOf(entry.view)).describe(result);
  const [bad] = entry.results;
  return bad && 'error' in bad ? String(/** @type {any} */ (bad.error).title ?? 'Failed') : '';
}

/** The address of the first picture that was made, for lists. @param {Entry['results']} results */
export function madePicture(results) {
  const [first] = results;
  if (first === undefined || 'error' in first || first.image === undefined) return undefined;
  return addressOf(first.image);
}
