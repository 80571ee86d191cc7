import { ask, Problem } from '../base/api.js';
import { byId } from '../base/dom.js';
import { plural, size } from '../base/format.js';
import {
  describe,
  failed,
  showEntry,
  showFailure,
  showUnavailable,
  showWaiting,
} from './answer.js';
import { showCall } from './call.js';
import { askForKey } from './key.js';
import { LivePanel } from './live.js';
import { isLoading, showModels } from './models.js';
import { showParameters } from './parameters.js';
import { forget, readPicture, takeChosen, takeDropped, thumbnailOf } from './pictures.js';
import { callOf, sendPictures } from './requests.js';
import { showStrip } from './strip.js';
import { showTensorNote } from './tensor-note.js';

/** Ties the parts of the page together: what is chosen, what is sent, what is shown. */

/** @typedef {import('./types').Entry} Entry */
/** @typedef {import('../views/types').Picture} Picture */

/** Pictures of the visit that are kept. */
const MOST_KEPT = 60;
/** Milliseconds without a change of a parameter, after which it is sent. */
const SETTLED_MS = 400;

/** @type {readonly import('./types').ModelSummary[]} */
let models = [];
/** @type {import('./types').ModelDetails | undefined} */
let model;
/** Whether it was the user who chose the model. */
let isChosen = false;
/** @type {readonly Picture[]} */
let pictures = [];
/** Results of the last request. @type {readonly Entry[]} */
let batch = [];
/** The newest first. @type {Entry[]} */
let visit = [];
/** @type {Entry | undefined} */
let shown;
/** @type {AbortController | undefined} */
let running;
/** Words for each entry, once they are known. @type {WeakMap<Entry, string>} */
const texts = new WeakMap();
/** What was chosen for each model. @type {Map<string, Record<string, string>>} */
const chosenValues = new Map();
const live = new LivePanel(byId('live'));

const valuesOf = (/** @type {string} */ name) => {
  const values = chosenValues.get(name) ?? {};
  chosenValues.set(name, values);
  return values;
};
const say = (/** @type {string} */ text) => (byId('spoken').textContent = text);
const takesPhotos = () => model?.servable?.request !== undefined;

/** Something of GET; asks for a key as long as the server does. @param {string} path @returns {Promise<any>} */
async function askJson(path) {
  for (;;) {
    try {
      return await (await ask(path)).json();
    } catch (error) {
      const asked = error instanceof Problem && error.status === 401;
      if (!asked || !(await askForKey(error.message))) throw error;
    }
  }
}

async function loadModels() {
  try {
    ({ models } = await askJson('models'));
  } catch (error) {
    if (error instanceof Problem) showFailure(error, () => void loadModels());
    byId('subtitle').textContent = 'The models could not be listed';
    return;
  }
  const ready = models.filter((one) => one.ready).length;
  byId('subtitle').textContent =
    `${location.host} · ${ready} of ${plural(models.length, 'model')} ready`;
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first =
    models.find(({ name }) => name === (isChosen ? model?.name : wanted)) ??
    models.find((one) => one.ready && one.task !== 'tensor') ??
    models[0];
  showModels(byId('models'), models, first?.name, (name) => {
    isChosen = true;
    history.replaceState(null, '', `#${encodeURIComponent(name)}`);
    void chooseModel(name);
  });
  if (first !== undefined && (model?.name !== first.name || model.ready !== first.ready)) {
    await chooseModel(first.name);
  }
  if (models.some(isLoading)) setTimeout(() => void loadModels(), 2000);
}

/** @param {string} name */
async function chooseModel(name) {
  try {
    model = await askJson(`models/${encodeURIComponent(name)}`);
  } catch (error) {
    if (error instanceof Problem) showFailure(error, () => void chooseModel(name));
    return;
  }
  live.device = model?.servable?.device ?? '';
  const { request } = model?.servable ?? {};
  const isTensor = model?.servable !== undefined && request === undefined;
  byId('work').hidden = isTensor;
  byId('beside').hidden = isTensor;
  byId('tensor').hidden = !isTensor;
  if (isTensor && model) showTensorNote(byId('tensor'), model);
  const properties = request?.parameters ?? {};
  byId('parameters-part').hidden = Object.keys(properties).length === 0;
  showParameters(byId('parameters'), properties, valuesOf(name), parametersChanged);
  showCode();
  if (request === undefined && !isTensor && model) showUnavailable(model);
  else if (pictures.length > 0) await run();
  else byId('problem').hidden = true;
}

function showCode() {
  byId('code-part').hidden = !takesPhotos();
  if (model === undefined || !takesPhotos()) return;
  const names = pictures.map(({ name }) => name);
  showCall(byId('code'), callOf(model, names, valuesOf(model.name)));
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;
function parametersChanged() {
  showCode();
  clearTimeout(settling);
  if (pictures.length > 0) settling = setTimeout(() => void run(), SETTLED_MS);
}

/** @param {readonly { readonly file: Blob, readonly name: string }[]} files */
async function take(files) {
  const shrink = byId('shrink', HTMLInputElement).checked;
  pictures = await Promise.all(files.map(({ file, name }) => readPicture(file, name, shrink)));
  showCode();
  await run();
}

async function run() {
  const { name = '', servable } = model ?? {};
  const [first] = pictures;
  if (servable?.request === undefined || first === undefined) return;
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const { verb, view } = servable.request;
  showWaiting(first, `${name} · ${first.name}`);
  showProgress(0, 1);
  try {
    const { results, times } = await sendPictures({
      model: name,
      verb,
      pictures,
      query: valuesOf(name),
      signal: mine.signal,
      onProgress: showProgress,
    });
    const sent = pictures;
    batch = results.flatMap((result, at) => {
      const picture = sent[at];
      const thumbnail = picture && thumbnailOf(picture);
      return picture ? [{ model: name, view, picture, thumbnail, result, times }] : [];
    });
    await Promise.all(batch.map(async (entry) => texts.set(entry, await describe(entry))));
    if (running !== mine) return;
    remember(batch);
    const [best] = batch;
    if (best) await show(best);
    say(batch.map((entry) => `${entry.picture.name}: ${texts.get(entry) ?? ''}`).join('. '));
  } catch (error) {
    if (running !== mine) return;
    await failedRun(error);
  } finally {
    if (running === mine) {
      running = undefined;
      byId('progress').hidden = true;
    }
  }
}

/** @param {unknown} error */
async function failedRun(error) {
  if (!(error instanceof Problem)) {
    const isCancelled = error instanceof DOMException && error.name === 'AbortError';
    byId('answer-of').textContent = 'Cancelled.';
    if (isCancelled) return;
    showFailure(
      new Problem({ title: 'This page failed', detail: String(error) }),
      () => void run(),
    );
    return;
  }
  batch = [];
  showStrips();
  showFailure(error, () => void run());
  say(`${error.title}. ${error.message}`);
  if (error.status === 401 && (await askForKey(error.message))) await run();
}

/** @param {number} sent bytes @param {number} total */
function showProgress(sent, total) {
  byId('progress').hidden = false;
  const bar = byId('progress-bar', HTMLProgressElement);
  if (sent < total) {
    bar.value = sent / total;
    byId('progress-text').textContent =
      sent === 0 ? 'Sending…' : `Sending ${size(sent)} of ${size(total)}`;
  } else {
    bar.removeAttribute('value');
    byId('progress-text').textContent = 'The model is at work…';
  }
}

/** @param {readonly Entry[]} entries */
function remember(entries) {
  visit = [...entries, ...visit];
  const gone = visit.splice(MOST_KEPT);
  const kept = new Set([...visit.map(({ picture }) => picture), ...pictures]);
  for (const { picture } of gone) if (!kept.has(picture)) forget(picture);
}

/** @param {Entry} entry */
async function show(entry) {
  shown = entry;
  showStrips();
  const others = visit.filter(
    ({ model: of, picture }) => of === entry.model && picture !== entry.picture,
  );
  const seen = new Set();
  const once = others.filter(({ picture }) => !seen.has(picture) && seen.add(picture));
  await showEntry(entry, once, () => void run());
}

function showStrips() {
  /** @param {string} id @param {readonly Entry[]} entries */
  const strip = (id, entries) =>
    showStrip(
      byId(id),
      entries.map((entry) => ({
        thumbnail: entry.thumbnail,
        name: entry.picture.name,
        text: texts.get(entry) ?? '',
        failed: failed(entry),
      })),
      shown === undefined ? -1 : entries.indexOf(shown),
      (at) => {
        const entry = entries[at];
        if (entry) void show(entry);
      },
    );
  byId('batch').hidden = batch.length < 2;
  strip('batch', batch);
  const before = visit.filter((entry) => !batch.includes(entry));
  byId('visit-part').hidden = before.length === 0;
  strip('visit', before);
}

/** @param {HTMLButtonElement} button */
async function takeSample(button) {
  const { sample = '' } = button.dataset;
  const small = button.querySelector('img')?.src ?? '';
  const response = await fetch(new URL(sample, small));
  await take([{ file: await response.blob(), name: sample }]);
}

const named = (/** @type {readonly File[]} */ files) =>
  files.map((file) => ({ file, name: file.name || 'pasted.png' }));
takeChosen(byId('files', HTMLInputElement), (files) => void take(named(files)));
takeChosen(byId('camera', HTMLInputElement), (files) => void take(named(files)));
takeDropped({
  hint: byId('drop-hint'),
  wanted: takesPhotos,
  take: (files) => void take(named(files)),
});
for (const button of document.querySelectorAll('.sample')) {
  if (button instanceof HTMLButtonElement) button.onclick = () => void takeSample(button);
}
byId('cancel').addEventListener('click', () => running?.abort());
byId('key-button').addEventListener('click', async () => {
  if (await askForKey()) await loadModels();
});
byId('parameters').addEventListener('submit', (event) => event.preventDefault());
byId('live-button').addEventListener('click', () => {
  const open = byId('live').hidden === true;
  byId('live-button').setAttribute('aria-expanded', String(open));
  live.show(open);
});
void loadModels();
