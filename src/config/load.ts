import { readFileSync } from 'node:fs';

import { Command } from 'commander';

import { configSchema, OPTIONS, type Config, type OptionDoc } from './schema';
import { messageOf } from '../kernel/errors';
import { parseJson } from '../kernel/parse-json';

/** Everything that is wrong with the configuration, at once. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((line) => `  - ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface ConfigSources {
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Given {
  readonly value: unknown;
  /** Where it came from, for messages. */
  readonly origin: string;
}

/**
 * Flags, over environment, over the file of --config, over defaults.
 * `--help` and `--version` print and end the process.
 * @throws ConfigError with every problem at once
 */
export function loadConfig(sources: ConfigSources, version = '0.0.0'): Config {
  const problems: string[] = [];
  const given = new Map<string, Given>();
  const { flags, excess } = parseFlags(sources.args, version);
  problems.push(...excess.map((argument) => `unknown argument "${argument}"; see --help`));

  const file = flags.config ?? sources.env.TFJS_SERVING_CONFIG;
  if (file !== undefined) readConfigFile(file, given, problems);
  for (const option of OPTIONS) {
    const fromEnv = sources.env[option.env];
    if (fromEnv !== undefined && fromEnv !== '') {
      given.set(option.name, { value: parseText(option, fromEnv), origin: option.env });
    }
    const fromFlag = flags[option.name];
    if (fromFlag !== undefined) {
      given.set(option.name, { value: parseText(option, fromFlag), origin: option.flag });
    }
  }

  const parsed = configSchema.safeParse(
    Object.fromEntries([...given].map(([name, { value }]) => [name, value])),
  );
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0] ?? '');
      const entry = given.get(name);
      const secret = OPTIONS.some((option) => option.name === name && option.secret);
      problems.push(
        issue.code === 'unrecognized_keys'
          ? `unknown option ${issue.keys.map((key) => `"${key}"`).join(', ')} in ${file ?? ''}`
          : `${entry?.origin ?? name}: ${issue.message}${secret || entry === undefined ? '' : `, given ${JSON.stringify(entry.value)}`}`,
      );
    }
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

function parseFlags(
  args: readonly string[],
  version: string,
): { flags: Readonly<Record<string, string | undefined>>; excess: readonly string[] } {
  const command = createCommand(version);
  // Unknown flags become excess arguments, to be told together with all other problems.
  command.allowUnknownOption().allowExcessArguments();
  command.parse([...args], { from: 'user' });
  return { flags: command.opts<Record<string, string | undefined>>(), excess: command.args };
}

/** The command line, as --help prints it. */
export function createCommand(version: string): Command {
  const command = new Command('tfjs-serving')
    .description('Serve TensorFlow SavedModels to images')
    .version(version)
    .option(
      '--config <file>',
      'JSON file of options, named as in docs/configuration.md (env: TFJS_SERVING_CONFIG)',
    );
  for (const option of OPTIONS) {
    const facts = [
      option.choices.length > 0 ? `one of ${option.choices.join(', ')}` : undefined,
      option.defaultText === undefined || option.defaultText === ''
        ? undefined
        : `default ${option.defaultText}`,
      `env ${option.env}`,
    ].filter((fact) => fact !== undefined);
    command.option(
      `${option.flag} <${option.kind === 'list' ? 'a,b,…' : option.kind}>`,
      `${option.description} (${facts.join('; ')})`,
    );
  }
  return command;
}

function readConfigFile(file: string, given: Map<string, Given>, problems: string[]): void {
  try {
    const text = readFileSync(file, 'utf8');
    const content = parseJson(text);
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      problems.push(`${file}: must hold a JSON object of options`);
      return;
    }
    for (const [name, value] of Object.entries(content)) {
      given.set(name, { value, origin: `${file}: ${name}` });
    }
  } catch (thrown) {
    problems.push(`${file}: ${messageOf(thrown)}`);
  }
}

/** Text that does not fit is left as it is: the schema says what is wrong with it. */
function parseText({ kind }: OptionDoc, text: string): unknown {
  switch (kind) {
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true;
      if (['false', '0', 'no', 'off'].includes(text.toLowerCase())) return false;
      return text;
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'text':
      return text;
  }
}
