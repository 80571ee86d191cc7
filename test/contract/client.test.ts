import { codeBlocks, codeRows, readDocument, uncode } from '../support/markdown';
import { compilerMessages } from '../support/typescript-compiler';

const document = readDocument('docs/client.md');
/** Those of models that are shipped are run as well: test/integration/client.test.ts. */
const examples = [...codeBlocks(document, 'ts'), ...codeBlocks(document, 'typescript')];

test('the examples of docs/client.md compile, and a wrong call does not', () => {
  const wrong = `import { ServingClient } from 'tfjs-serving/client';
    await new ServingClient('http://localhost').classify('coffee.jpg', { model: 'm' });`;

  const messages = compilerMessages({
    ...Object.fromEntries(examples.map((text, index) => [`example-${index}`, text])),
    wrong,
  });

  expect(examples.length).toBeGreaterThan(4);
  expect(messages).toEqual([expect.stringMatching(/^wrong.mts: No overload matches this call/)]);
});

test('every export and option that docs/client.md names exists', () => {
  const exported = readDocument('src/client/client-options.ts');

  const options = codeRows(document.slice(document.indexOf('| Option ')))
    .map(([name]) => uncode(name))
    .filter((name) => name !== '');
  expect(options.length).toBe(6);
  for (const option of options) expect(exported).toContain(`readonly ${option}?:`);
});
