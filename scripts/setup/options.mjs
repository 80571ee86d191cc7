import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from './errors.mjs';

/** @typedef {'auto' | 'cpu' | 'gpu'} WantedVariant */

/** @type {readonly WantedVariant[]} */
const VARIANTS = ['auto', 'cpu', 'gpu'];

export const HELP = `Usage: node scripts/setup.mjs [options]

Installs the npm packages and TensorFlow's libraries, and builds. Does nothing when all is up to date.

Options:
  --variant auto|cpu|gpu  which TensorFlow to install (auto: gpu where an NVIDIA driver is present)
  --cache DIR             where TensorFlow's libraries are kept, shared by all clones
  --verify                check every cached file against its sha256, and replace those that differ
  --quiet                 print only long steps and errors
  --help                  show this text

Environment:
  TFJS_SERVING_VARIANT    same as --variant
  TFJS_SERVING_CACHE      same as --cache (default: $XDG_CACHE_HOME/tfjs-serving, else
                          ~/.cache/tfjs-serving)
  CXX                     the C++ compiler (default: g++)

pip's own settings (index, proxy, certificates) apply to the download, npm's to the packages.
`;

/**
 * An empty environment variable means the same as an absent one.
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} name
 */
function fromEnvironment(environment, name) {
  const value = environment[name];
  return value === undefined || value === '' ? undefined : value;
}

/** @param {NodeJS.ProcessEnv} environment */
function defaultCache(environment) {
  const xdg = fromEnvironment(environment, 'XDG_CACHE_HOME');
  // The XDG specification tells programs to ignore a relative path here.
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache');
  return path.join(base, 'tfjs-serving');
}

/**
 * The command line comes first, then the environment, then defaults.
 * @param {string[]} argv
 * @param {NodeJS.ProcessEnv} environment
 * @throws {SetupError} for an unknown option or value
 */
export function readOptions(argv, environment) {
  const values = parse(argv);
  const wanted = values.variant ?? fromEnvironment(environment, 'TFJS_SERVING_VARIANT') ?? 'auto';
  const variant = VARIANTS.find((name) => name === wanted);
  if (variant === undefined) {
    throw new SetupError(
      `Unknown variant "${wanted}".`,
      `Use one of ${VARIANTS.join(', ')} (--variant or TFJS_SERVING_VARIANT)`,
    );
  }
  const cache = values.cache ?? fromEnvironment(environment, 'TFJS_SERVING_CACHE');
  return {
    variant,
    cache: path.resolve(cache ?? defaultCache(environment)),
    verify: values.verify,
    quiet: values.quiet,
    help: values.help,
  };
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        variant: { type: 'string' },
        cache: { type: 'string' },
        verify: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new SetupError(
      error instanceof Error ? error.message : String(error),
      'node scripts/setup.mjs --help lists the options',
    );
  }
}
