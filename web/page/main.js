import { ask, Problem } from '../base/api.js';
import { byId } from '../base/dom.js';
import { plural } from '../base/format.js';
import { showEntry, showFailure, showFresh, showWaiting } from './answer.js';
import { showCall } from './call.js';
import { controlsOf, photoField } from './inputs.js';
import { askForKey } from './key.js';
import { LivePanel } from './live.js';
import { isDormant, isLoading, showModels } from './models.js';
import { showParameters } from './parameters.js';
import { readPicture, takeChosen, takeDropped } from './pictures.js';
import { callOf } from './requests.js';
import { cancel, run } from './run.js';
import { showTensorNote } from './tensor-note.js';
import { Visit } from './visit.js';

/** Ties the parts of the page together: what is chosen, what is sent, what is shown. */

/** @typedef {import('./types').Entry} Entry */
/** @typedef {import('./types').Values} Values */

/** Milliseconds without a change of a parameter, after which it is sent. */
const SETTLED_MS = 400;
/** Milliseconds between looks while models are loaded. */
const LOADING_MS = 2000;

/** @type {readonly import('./types').ModelSummary[]} */
let models = [];
/** @type {import('./types').ModelDetails | undefined} */
let model;
/** Whether it was the user who chose the model. */
let isChosen = false;
/** @type {readonly import('../views/types').Picture[]} */
let pictures = [];
/** What was filled in for each model. @type {Map<string, Values>} */
const filledIn = new Map();
const visit = new Visit((entry) => void show(entry));
const live = new LivePanel(byId('live'));

/** @param {string} name @returns {Values} */
function valuesOf(name) {
  const values = filledIn.get(name) ?? {};
  filledIn.set(name, values);
  return values;
}

const takesPhotos = () => photoField(model?.servable) !== undefined;

/** @param {string} text for those who hear the page */
function say(text) {
  byId('spoken').textContent = text;
}

/**
 * GET; asks for a key as long as the server does.
 * @param {string} path
 * @returns {Promise<any>}
 */
async function askJson(path) {
  for (;;) {
    try {
      return await (await ask(path)).json();
    } catch (error) {
      const isAsked = error instanceof Problem && error.status === 401;
      if (!isAsked || !(await askForKey(error.message))) throw error;
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
  const wanted = isChosen ? model?.name : decodeURIComponent(location.hash.slice(1));
  const first =
    models.find(({ name }) => name === wanted) ??
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
  if (models.some(isLoading)) setTimeout(() => void loadModels(), LOADING_MS);
}

/** Another model may be chosen before one is there. */
let turn = 0;

/** @param {string} name */
async function chooseModel(name) {
  const mine = ++turn;
  let found;
  try {
    const path = encodeURIComponent(name);
    found = await askJson(`models/${path}`);
    if (isDormant(found)) {
      byId('answer-of').textContent = `${name} is being loaded…`;
      // What says what it takes has to have it in memory.
      await askJson(`v2/models/${path}`);
      found = await askJson(`models/${path}`);
      void loadModels();
    }
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof Problem) showFailure(error, () => void chooseModel(name));
    return;
  }
  if (mine === turn) await showModel(found);
}

/** @param {import('./types').ModelDetails} found */
async function showModel(found) {
  model = found;
  const { servable } = model;
  live.device = servable?.device ?? '';
  const isTensor = servable !== undefined && servable.request === undefined;
  byId('work').hidden = isTensor;
  byId('beside').hidden = isTensor;
  byId('tensor').hidden = !isTensor;
  if (isTensor) showTensorNote(byId('tensor'), model);
  byId('choose').hidden = servable !== undefined && !takesPhotos();
  byId('generate-row').hidden = servable?.request === undefined || takesPhotos();
  const controls = controlsOf(servable);
  // What has to be filled in comes before what is said of it.
  if (takesPhotos()) byId('answer').after(byId('parameters-part'));
  else byId('answer').before(byId('parameters-part'));
  byId('parameters-part').hidden = Object.keys(controls).length === 0;
  showParameters(byId('parameters'), controls, valuesOf(model.name), parametersChanged);
  showCode();
  if (takesPhotos() && pictures.length > 0) {
    await send();
    return;
  }
  showFresh(model, takesPhotos());
}

function showCode() {
  const isAsked = model?.servable?.request !== undefined;
  byId('code-part').hidden = !isAsked;
  if (model === undefined || !isAsked) return;
  const names = pictures.map(({ name }) => name);
  showCall(byId('code'), callOf(model, names, valuesOf(model.name)));
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;
function parametersChanged() {
  showCode();
  clearTimeout(settling);
  // What is made of words alone is made when it is asked for.
  if (takesPhotos() && pictures.length > 0) settling = setTimeout(() => void send(), SETTLED_MS);
}

/** @param {readonly { readonly file: Blob, readonly name: string }[]} files */
async function take(files) {
  const shrink = byId('shrink', HTMLInputElement).checked;
  pictures = await Promise.all(files.map(({ file, name }) => readPicture(file, name, shrink)));
  showCode();
  await send();
}

/** Sends the photos, or what was filled in where the model takes none. */
async function send() {
  const view = model?.servable?.request?.view;
  const sent = takesPhotos() ? pictures : [];
  if (model === undefined || view === undefined || (takesPhotos() && sent.length === 0)) return;
  const { name } = model;
  const [first] = sent;
  showWaiting(first, first === undefined ? name : `${name} · ${first.name}`);
  try {
    const entries = await run(model, view, sent, { ...valuesOf(name) });
    if (entries === undefined) return;
    await visit.add(entries, pictures);
    const [best] = entries;
    if (best) await show(best);
    say(visit.words);
  } catch (error) {
    await showFailed(error);
  }
}

/** @param {unknown} error */
async function showFailed(error) {
  if (error instanceof DOMException && error.name === 'AbortError') {
    byId('answer-of').textContent = 'Cancelled.';
    return;
  }
  visit.addFailure();
  const problem =
    error instanceof Problem
      ? error
      : new Problem({ title: 'This page failed', detail: String(error) });
  showFailure(problem, () => void send());
  say(`${problem.title}. ${problem.message}`);
  if (problem.status === 401 && (await askForKey(problem.message))) await send();
}

/** @param {Entry} entry */
async function show(entry) {
  visit.show(entry);
  await showEntry(entry, visit.othersOf(entry), () => void send());
}

/** @param {HTMLButtonElement} button */
async function takeSample(button) {
  const { sample = '' } = button.dataset;
  const small = button.querySelector('img')?.src ?? '';
  const response = await fetch(new URL(sample, small));
  await take([{ file: await response.blob(), name: sample }]);
}

/** @param {readonly File[]} files */
function takeFiles(files) {
  void take(files.map((file) => ({ file, name: file.name || 'pasted.png' })));
}

takeChosen(byId('files', HTMLInputElement), takeFiles);
takeChosen(byId('camera', HTMLInputElement), takeFiles);
takeDropped({ hint: byId('drop-hint'), wanted: takesPhotos, take: takeFiles });
for (const button of document.querySelectorAll('.sample')) {
  if (button instanceof HTMLButtonElement) button.onclick = () => void takeSample(button);
}
byId('cancel').addEventListener('click', cancel);
byId('key-button').addEventListener('click', async () => {
  if (await askForKey()) await loadModels();
});
byId('parameters').addEventListener('submit', (event) => {
  event.preventDefault();
  void send();
});
byId('live-button').addEventListener('click', () => {
  const open = byId('live').hidden === true;
  byId('live-button').setAttribute('aria-expanded', String(open));
  live.show(open);
});
void loadModels();
