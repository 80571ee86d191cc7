import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from './errors.mjs';

export const VARIANTS = ['auto', 'cpu', 'gpu'];

export const HELP = `Usage: node scripts/setup.mjs [options]

Installs the npm packages, the TensorFlow libraries and the build; does nothing when all is there.

Options:
  --variant auto|cpu|gpu  which TensorFlow to install (auto: gpu where an NVIDIA driver is present)
  --cache DIR             where the TensorFlow libraries are kept, shared by all clones
  --verify                check every cached file against its sha256, and fetch again what differs
  --quiet                 print only long steps and errors
  --help                  show this text

Environment:
  TFJS_SERVING_VARIANT    same as --variant
  TFJS_SERVING_CACHE      same as --cache (default: $XDG_CACHE_HOME/tfjs-serving, else
                          ~/.cache/tfjs-serving)
  CXX                     the C++ compiler (default: g++)

pip's own settings (index, proxy, certificates) apply to the download, npm's to the packages.
`;

/** Absent and empty mean the same for an environment variable. */
function fromEnvironment(environment, name) {
  const value = environment[name];
  return value === undefined || value === '' ? undefined : value;
}

function defaultCache(environment) {
  const xdg = fromEnvironment(environment, 'XDG_CACHE_HOME');
  // The XDG specification tells programs to ignore a relative path here.
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache');
  return path.join(base, 'tfjs-serving');
}

/** Command line first, then environment, then defaults. */
export function readOptions(argv, environment) {
  let values;
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        variant: { type: 'string' },
        cache: { type: 'string' },
        verify: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new SetupError(error.message, 'node scripts/setup.mjs --help lists the options');
  }
  const variant = values.variant ?? fromEnvironment(environment, 'TFJS_SERVING_VARIANT') ?? 'auto';
  if (!VARIANTS.includes(variant)) {
    throw new SetupError(
      `Unknown variant "${variant}".`,
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
