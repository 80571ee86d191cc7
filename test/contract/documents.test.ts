import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { codeBlocks, readDocument, ROOT, withoutCode } from '../support/markdown';

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'scripts/export/README.md',
];

/** Relative links, and links within a document. */
function linksOf(file: string): string[] {
  return [...withoutCode(readDocument(file)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** Anchors as GitHub makes them from headings. */
function anchorsOf(file: string): string[] {
  return [...withoutCode(readFileSync(file, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(
    ([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
  );
}

test.each(DOCUMENTS)('every relative link of %s leads somewhere', (file) => {
  const dead = linksOf(file).filter((link) => {
    const [target = '', anchor] = link.split('#');
    const found = target === '' ? path.join(ROOT, file) : path.resolve(ROOT, file, '..', target);
    return !existsSync(found) || (anchor !== undefined && !anchorsOf(found).includes(anchor));
  });

  expect(dead).toEqual([]);
});

test('the documents are all linked from the README', () => {
  const linked = linksOf('README.md').map((link) => link.split('#')[0]);

  expect(linked).toEqual(
    expect.arrayContaining(DOCUMENTS.filter((file) => file.startsWith('docs/'))),
  );
});

describe('commands of the documents', () => {
  const commands = ['README.md', 'CONTRIBUTING.md', 'docs/api.md']
    .flatMap((file) => codeBlocks(readDocument(file), 'sh'))
    .join('\n');

  test('post files that exist', () => {
    const files = [...commands.matchAll(/@([\w./-]+)/g)].map(([, file = '']) => file);

    expect(files).toContain('test/fixtures/photos/coffee.jpg');
    expect(files.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  test('address models that are shipped', () => {
    const models = [...commands.matchAll(/\/models\/([\w.-]+)\//g)].map(([, name = '']) => name);

    expect(models.length).toBeGreaterThan(0);
    const missing = models.filter((name) => !existsSync(path.join(ROOT, 'saved_models', name)));
    expect(missing).toEqual([]);
  });

  test('run npm scripts that exist', () => {
    const { scripts } = JSON.parse(readDocument('package.json')) as {
      scripts: Record<string, string>;
    };

    const text = DOCUMENTS.map(readDocument).join('\n');
    const used = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(used));
  });

  test('name source files that exist', () => {
    const text = DOCUMENTS.map(readDocument).join('\n');
    const named = [
      ...text.matchAll(/`(?:node )?((?:bench|scripts|src|test)\/[\w./-]+\.\w+)[ `]/g),
    ].map(([, file = '']) => file);

    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });
});
