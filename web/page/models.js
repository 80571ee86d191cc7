import { make } from '../base/dom.js';

/** Models as cards, one of which is chosen. */

/** @typedef {import('./types').ModelSummary} ModelSummary */

/** @param {ModelSummary} model */
function stateOf({ ready, versions, problems }) {
  const newest = versions.at(-1);
  if (ready) {
    const available = versions.findLast((version) => version.ready) ?? newest;
    return {
      kind: 'ready',
      text: `Ready · version ${available?.version ?? ''}`,
      reason: undefined,
    };
  }
  const reason = problems[0] ?? newest?.reason;
  if (isDormant({ versions })) {
    return {
      kind: 'dormant',
      text: `Loaded when asked · version ${newest?.version ?? ''}`,
      reason,
    };
  }
  if (newest?.state === 'LOADING' || newest?.state === 'START') {
    return { kind: 'loading', text: `Loading version ${newest.version}`, reason };
  }
  return { kind: 'failed', text: 'Not available', reason };
}

/**
 * Whether it is not in memory until a request brings it there.
 * @param {Pick<ModelSummary, 'versions'>} model
 */
export function isDormant({ versions }) {
  const newest = versions.at(-1);
  return newest?.state === 'START' && newest.onDemand === true;
}

/** @param {ModelSummary} model */
export function isLoading(model) {
  return stateOf(model).kind === 'loading';
}

/**
 * @param {HTMLElement} list
 * @param {readonly ModelSummary[]} models
 * @param {string | undefined} chosen
 * @param {(name: string) => void} choose
 */
export function showModels(list, models, chosen, choose) {
  const held = document.activeElement;
  const hadFocus = held instanceof HTMLInputElement && list.contains(held);
  list.replaceChildren(
    ...models.map((model) => {
      const { kind, text, reason } = stateOf(model);
      const radio = make('input.unseen', {
        type: 'radio',
        name: 'model',
        value: model.name,
        checked: model.name === chosen,
      });
      radio.addEventListener('change', () => choose(model.name));
      return make(
        'label.card',
        { dataset: { state: kind } },
        radio,
        make('span.name', {}, model.name),
        model.task === undefined ? null : make('span.task', {}, taskText(model.task)),
        make('span.state', {}, text),
        reason === undefined ? null : make('span.reason', {}, reason),
      );
    }),
  );
  if (models.length === 0) {
    list.append(
      make(
        'p.muted',
        {},
        'There are no models. Put a SavedModel into saved_models/<name>/1/ and start the server again.',
      ),
    );
  }
  if (!hadFocus) return;
  /** @type {HTMLElement | null} */
  const again = list.querySelector('input:checked');
  again?.focus({ preventScroll: true });
}

/**
 * `image-classification` → `Image classification`
 * @param {string} task
 */
function taskText(task) {
  const words = task.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
