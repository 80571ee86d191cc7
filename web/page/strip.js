import { make } from '../base/dom.js';

/** Small pictures in a row, each a button: those of a request, and those of the visit. */

/**
 * @param {HTMLElement} list
 * @param {readonly { readonly thumbnail: string | undefined, readonly name: string,
 *   readonly text: string, readonly failed: boolean }[]} items
 * @param {number} chosen
 * @param {(at: number) => void} choose
 */
export function showStrip(list, items, chosen, choose) {
  const hadFocus = list.contains(document.activeElement);
  list.replaceChildren(
    ...items.map(({ thumbnail, name, text, failed }, at) => {
      const picture =
        thumbnail === undefined
          ? make('span.nothing', {}, name.split('.').at(-1) ?? '')
          : make('img', { src: thumbnail, alt: '' });
      const button = make(
        'button.thumb',
        { type: 'button', title: `${name}: ${text}` },
        picture,
        make('span.unseen', {}, `${name}: `),
        make('span.caption', {}, text),
      );
      button.classList.toggle('failed', failed);
      if (at === chosen) button.setAttribute('aria-current', 'true');
      button.addEventListener('click', () => choose(at));
      return make('li', {}, button);
    }),
  );
  if (!hadFocus) return;
  // The button was made again: the keyboard stays where it was.
  /** @type {HTMLElement | null} */
  const again = list.querySelector('[aria-current]');
  again?.focus();
}
