import { readFileSync } from 'node:fs';

import { Command } from 'commander';

import { configSchema, OPTIONS, type Config, type OptionDoc } from './schema';
import { messageOf } from '../kernel/errors';
import { parseJson } from '../kernel/parse-json';

/** What a command that takes the server's options says of itself. */
const COMMANDS = {
  serve: {
    description: 'Serves the models of a repository',
    examples: `  # ./saved_models or ./models, or else the models of this package
  tfjs-serving serve

  # Another folder, for all interfaces
  tfjs-serving serve --model-repository /data/models --host 0.0.0.0 --port 9000

  # Two of its models, with logs for machines
  tfjs-serving serve --models classifier,detector --log-format json`,
  },
  doctor: {
    description:
      'Shows what would be used, and loads and runs each model once; the exit code is 1 when something is wrong',
    examples: `  # The machine, the set-up and every model
  tfjs-serving doctor

  # One model of another folder
  tfjs-serving doctor --model-repository /data/models --models classifier`,
  },
} as const;

export type ConfiguredCommand = keyof typeof COMMANDS;

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
export function loadConfig(
  sources: ConfigSources,
  version = '0.0.0',
  command: ConfiguredCommand = 'serve',
): Config {
  const problems: string[] = [];
  const given = new Map<string, Given>();
  const { flags, excess } = parseFlags(sources.args, version, command);
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
  name: ConfiguredCommand,
): { flags: Readonly<Record<string, string | undefined>>; excess: readonly string[] } {
  const command = createCommand(version, name);
  // Unknown flags become excess arguments, to be told together with all other problems.
  command.allowUnknownOption().allowExcessArguments();
  command.parse([...args], { from: 'user' });
  return { flags: command.opts<Record<string, string | undefined>>(), excess: command.args };
}

/** The command line, as --help prints it. */
export function createCommand(version: string, name: ConfiguredCommand = 'serve'): Command {
  const { description, examples } = COMMANDS[name];
  const command = new Command(`tfjs-serving ${name}`)
    .description(description)
    .addHelpText('after', `\nExamples:\n${examples}`)
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
