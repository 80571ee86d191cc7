import { apiKey } from '../base/api.js';
import { byId } from '../base/dom.js';

/** The dialog that asks for a key, once the server has asked for one. */

/**
 * @param {string} [why] what the server said
 * @returns {Promise<boolean>} whether a key was given
 */
export function askForKey(why) {
  const dialog = byId('key-dialog', HTMLDialogElement);
  const field = byId('key', HTMLInputElement);
  const reason = byId('key-why');
  const kept = 'It is kept in this tab until you close it, and sent to this server only.';
  reason.textContent = why === undefined ? kept : `${why}. ${kept}`;
  field.value = apiKey.get();
  byId('key-button').hidden = false;
  return new Promise((resolve) => {
    dialog.addEventListener(
      'close',
      () => {
        const given = dialog.returnValue === 'save';
        if (given) apiKey.set(field.value.trim());
        resolve(given);
      },
      { once: true },
    );
    dialog.returnValue = '';
    if (!dialog.open) dialog.showModal();
    field.select();
  });
}
