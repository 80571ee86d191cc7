import { make } from '../base/dom.js';

/** An error in the words of the server: what it is, what was wrong, and what can be done. */

/**
 * @typedef {{ readonly code?: string, readonly title?: string, readonly detail?: string,
 *   readonly message?: string, readonly retriable?: boolean, readonly requestId?: string,
 *   readonly retryAfterS?: number | undefined }} Details
 */

/**
 * @param {HTMLElement} place
 * @param {Details} problem
 * @param {() => void} retry
 */
export function showProblem(place, problem, retry) {
  const { code = '', title = '', retriable, requestId = '', retryAfterS } = problem;
  const detail = problem.detail ?? problem.message ?? '';
  const wait = retryAfterS === undefined ? '' : ` after ${retryAfterS} s`;
  const again = make('button', { type: 'button' }, 'Try again');
  again.addEventListener('click', retry);
  place.replaceChildren(
    make('p.title', {}, title || 'The request failed'),
    make('p', {}, detail),
    make(
      'p.row',
      {},
      code === '' ? null : make('code', {}, code),
      retriable ? again : null,
      retriable ? make('small', {}, `The same request may succeed${wait || ' later'}.`) : null,
    ),
    requestId === '' ? '' : make('small', {}, `Request ${requestId}`),
  );
  place.hidden = false;
}
