import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from './errors.mjs';

/** @typedef {'auto' | 'cpu' | 'gpu'} WantedVariant */

/** @type {readonly WantedVariant[]} */
const VARIANTS = ['auto', 'cpu', 'gpu'];

export const HELP = `Usage: tfjs-serving setup [options]

Fetches TensorFlow's libraries and compiles the binding to them. In a clone it also installs the npm
packages and builds. Does nothing when all is up to date.

Options:
  --variant auto|cpu|gpu  which TensorFlow to install (auto: gpu where an NVIDIA driver is present)
  --cache DIR             where TensorFlow's libraries are kept, shared by all clones
  --verify                check every cached file against its sha256, and replace those that differ
  --no-runtime            leave TensorFlow's libraries out: for commands that run no model
  --with-tensorflow-js    fetch TensorFlow.js too, which tfjs-serving import needs
  --quiet                 print only long steps and errors
  --help                  show this text

Environment:
  TFJS_SERVING_VARIANT    same as --variant
  TFJS_SERVING_CACHE      same as --cache (default: $XDG_CACHE_HOME/tfjs-serving, else
                          ~/.cache/tfjs-serving)
  TFJS_SERVING_SKIP_SETUP the other commands do not look whether anything is missing, if not empty
  CXX                     the C++ compiler (default: g++)

Examples:
  # Everything that serving needs
  tfjs-serving setup

  # The CUDA libraries too, on a machine whose driver comes later
  tfjs-serving setup --variant gpu

  # Into an image of a container
  TFJS_SERVING_CACHE=/opt/tfjs-serving tfjs-serving setup --variant cpu

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
    runtime: !values['no-runtime'],
    tensorflowJs: values['with-tensorflow-js'],
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
        'no-runtime': { type: 'boolean', default: false },
        'with-tensorflow-js': { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new SetupError(
      error instanceof Error ? error.message : String(error),
      'tfjs-serving setup --help lists the options',
    );
  }
}
