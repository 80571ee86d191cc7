import { apiKey, ask, Problem } from '../base/api.js';
import { byId, make } from '../base/dom.js';
import { plural } from '../base/format.js';
import { schemaText } from './schema-text.js';
import { tryForm } from './try-it.js';

/** The OpenAPI document of this server as a page: addresses, what they take and answer, and a try. */

/** @typedef {import('./types').Place} Place */
/** @typedef {import('./types').OpenApi} OpenApi */

/**
 * Operations in order. What an address does by another method all the same is not listed once more.
 * @param {OpenApi} document
 * @returns {readonly Place[]}
 */
function placesOf({ paths }) {
  return Object.entries(paths).flatMap(([path, methods]) => {
    /** @type {Map<string, Place>} */
    const different = new Map();
    for (const [method, operation] of Object.entries(methods)) {
      const { parameters, requestBody, responses } = operation;
      const content = JSON.stringify([parameters, requestBody, responses]);
      const same = different.get(content);
      if (same === undefined) different.set(content, { method, path, operation, also: [] });
      else same.also.push(method);
    }
    return [...different.values()];
  });
}

/** @param {string} name of a tag */
const tagId = (name) => `tag-${name.toLowerCase().replace(/\W+/g, '-')}`;

/**
 * What stands between backticks is code; empty lines part paragraphs.
 * @param {string} text
 */
function paragraphs(text) {
  return text.split(/\n\n+/).map((part) => {
    const pieces = part.split('`').map((piece, at) => (at % 2 ? make('code', {}, piece) : piece));
    return make('p', {}, ...pieces);
  });
}

/** @param {Place} place @param {OpenApi} document */
function operationElement(place, document) {
  const { method, path, operation, also } = place;
  const details = make('details.operation', { id: operation.operationId });
  const summary = make(
    'summary',
    {},
    make(`span.method.${method}`, {}, method.toUpperCase()),
    make('code.path', {}, path),
    make('span.muted', {}, operation.summary),
    also.length === 0 ? null : make('small', {}, `also ${also.join(', ').toUpperCase()}`),
  );
  details.append(summary);
  // Made when it is opened: there are many.
  details.addEventListener(
    'toggle',
    () => {
      details.append(
        make(
          'div.inside',
          {},
          ...paragraphs(operation.description),
          tryForm(place, document),
          make('h3', {}, 'Answers'),
          ...Object.entries(operation.responses).map(([status, response]) =>
            responseElement(status, response, document),
          ),
        ),
      );
    },
    { once: true },
  );
  return details;
}

/**
 * @param {string} status
 * @param {import('./types').Operation['responses'][string]} response
 * @param {OpenApi} document
 */
function responseElement(status, { description, content = {} }, document) {
  const kind = status.startsWith('2') ? 'good' : 'bad';
  const [type, media] = Object.entries(content)[0] ?? [];
  const head = make('p', {}, make(`strong.status.${kind}`, {}, status), ' ');
  head.append(...paragraphs(description).flatMap((part) => [...part.childNodes]));
  const types = Object.keys(content).join(', ');
  if (types !== '') head.append(make('small', {}, ` ${types}`));
  if (!status.startsWith('2') || type === undefined || !type.includes('json') || !media?.schema) {
    return make('div.response', {}, head);
  }
  const text = schemaText(media.schema, document);
  return make('div.response', {}, head, make('pre', { tabIndex: 0 }, text));
}

/** @param {OpenApi} document */
function showDocument(document) {
  const places = placesOf(document);
  const { info, tags } = document;
  byId('subtitle').textContent =
    `${info.title} ${info.version} · ${plural(places.length, 'operation')}`;
  byId('about').append(...paragraphs(info.description));
  byId('key-field').hidden = document.components.securitySchemes === undefined;
  byId('page-link').hidden = document.paths['/'] === undefined;
  for (const { name, description } of tags) {
    const own = places.filter(({ operation }) => operation.tags.includes(name));
    if (own.length === 0) continue;
    byId('operations').append(
      make(
        'section.tag',
        { id: tagId(name) },
        make('h2', {}, name),
        make('p.muted', {}, description),
        ...own.map((place) => operationElement(place, document)),
      ),
    );
    byId('contents').append(
      make('a', { href: `#${tagId(name)}` }, name, make('small', {}, ` ${own.length}`)),
    );
  }
}

/** The models that there are, to choose from in every address that names one. */
async function showModels() {
  let models;
  try {
    ({ models } = await (await ask('models')).json());
  } catch (error) {
    // The port for model control has no list of them; with keys, one is needed first.
    if (error instanceof Problem && error.status === 404) return;
    throw error;
  }
  byId('model-names').replaceChildren(
    ...models.map((/** @type {{ name: string }} */ { name }) => make('option', { value: name })),
  );
  const items = models.map((/** @type {any} */ { name, task, ready }) => {
    const use = make('button', { type: 'button', title: `Use ${name} in the operations below` });
    use.append(make('code', {}, name), make('small', {}, ` ${ready ? task : 'not available'}`));
    use.addEventListener('click', () => fillIn(name));
    return make('li', {}, use);
  });
  byId('models').replaceChildren(make('h2', {}, 'Models'), make('ul.model-list', {}, ...items));
}

/** @type {string | undefined} */
let chosenModel;

/** @param {string} name */
function fillIn(name) {
  chosenModel = name;
  for (const field of document.querySelectorAll('input[list="model-names"]')) {
    if (field instanceof HTMLInputElement) field.value = name;
  }
  for (const button of byId('models').querySelectorAll('button')) {
    const isIt = button.querySelector('code')?.textContent === name;
    button.setAttribute('aria-pressed', String(isIt));
  }
}

/** @param {string} words */
function find(words) {
  const wanted = words.toLowerCase().split(/\s+/);
  let found = 0;
  for (const section of document.querySelectorAll('.tag')) {
    let inside = 0;
    for (const operation of section.querySelectorAll('.operation')) {
      const text = operation.querySelector('summary')?.textContent?.toLowerCase() ?? '';
      const matches = wanted.every((word) => text.includes(word));
      /** @type {HTMLElement} */ (operation).hidden = !matches;
      if (matches) inside++;
    }
    /** @type {HTMLElement} */ (section).hidden = inside === 0;
    found += inside;
  }
  byId('nothing').hidden = found > 0;
}

function openAddressed() {
  const element = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (element instanceof HTMLDetailsElement) element.open = true;
  element?.scrollIntoView();
}

const search = byId('search', HTMLInputElement);
search.addEventListener('input', () => find(search.value.trim()));
const key = byId('key', HTMLInputElement);
key.value = apiKey.get();
key.addEventListener('change', () => {
  apiKey.set(key.value.trim());
  void showModels();
});
byId('tools').addEventListener('submit', (event) => event.preventDefault());
window.addEventListener('hashchange', openAddressed);
document.addEventListener(
  'toggle',
  ({ target }) => {
    if (!(target instanceof HTMLDetailsElement) || !target.open) return;
    history.replaceState(null, '', `#${target.id}`);
    if (chosenModel !== undefined) fillIn(chosenModel);
  },
  true,
);

try {
  showDocument(await (await ask('openapi.json')).json());
  openAddressed();
  await showModels();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  if (byId('operations').childElementCount === 0) byId('subtitle').textContent = text;
  else byId('models').replaceChildren(make('p.muted', {}, text));
}
