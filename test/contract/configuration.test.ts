import { createCommand } from '../../src/config/load';
import { OPTIONS } from '../../src/config/schema';
import { codeRows, readDocument, uncode } from '../support/markdown';

const [, generated = ''] = readDocument('docs/configuration.md').split('<!-- generated:start -->');
const rows = codeRows(generated.split('<!-- generated:end -->')[0] ?? '');

test('docs/configuration.md lists every option in order, and no other', () => {
  expect(rows.map(([name]) => uncode(name))).toEqual(OPTIONS.map(({ name }) => name));
});

test.each(OPTIONS)(
  'docs/configuration.md has flag, variable, default and meaning of $name',
  (option) => {
    const row = rows.find(([name]) => uncode(name) === option.name);

    const [, names, values, preset, meaning] = row ?? [];
    expect(names).toBe(`\`${option.flag}\`<br>\`${option.env}\``);
    for (const choice of option.choices) expect(values).toContain(`\`${choice}\``);
    if (option.defaultText === undefined) expect(preset).toBe('see Meaning');
    else if (option.defaultText === '') expect(preset).toBe('none');
    else expect(uncode(preset)).toBe(option.defaultText);
    expect(meaning?.replaceAll('&lt;', '<')).toBe(option.description);
  },
);

test('--help lists every option with its variable and default', () => {
  const help = createCommand('0.0.0')
    .helpInformation()
    // Descriptions are wrapped to the width of the terminal.
    .replace(/\s+/g, ' ');

  for (const { flag, env, defaultText = '' } of OPTIONS) {
    expect(help).toContain(` ${flag} <`);
    const preset = defaultText === '' ? '' : `default ${defaultText}; `;
    expect(help).toContain(`${preset}env ${env})`);
  }
});

test('no option is without a description', () => {
  expect(OPTIONS.filter(({ description }) => description === '')).toEqual([]);
});
