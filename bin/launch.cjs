/** Runs a command of `tfjs-serving` in this process, after what it needs has been set up. */
const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');

const { COMMANDS, HELP, unknownCommand } = require('./commands.cjs');

const ROOT = path.join(__dirname, '..');
const SETUP = path.join(ROOT, 'scripts/setup.mjs');

/** As shells do: 128 and the number of the signal. */
const SIGNALS = /** @type {const} */ ({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 });

/** @param {readonly string[]} args after the name of the program */
async function launch(args) {
  try {
    process.exitCode = await start(args);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<number | undefined>} the exit code; undefined once a program has begun
 */
async function start(args) {
  const [first = ''] = args;
  if (first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const named = first !== '' && !first.startsWith('-');
  const name = named ? first : 'serve';
  const rest = named ? args.slice(1) : args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.error(unknownCommand(name));
    return 2;
  }
  if (command.program === undefined) return setUp([...rest], process.env);
  const program = path.join(ROOT, 'dist', command.program);
  const asks = rest.some((one) => ['--help', '-h', '--version', '-V'].includes(one));
  // An image of a container, say, has been set up for good.
  const skip = (process.env.TFJS_SERVING_SKIP_SETUP ?? '') !== '';
  if (!skip && (!asks || !existsSync(program))) {
    const code = await setUp(wanted(command, rest), environment(rest));
    if (code !== 0) return code;
  }
  process.argv = [process.execPath, program, ...(command.args ?? []), ...rest];
  process.setSourceMapsEnabled(true);
  require(program);
  return undefined;
}

/**
 * @param {import('./commands.cjs').Command} command
 * @param {readonly string[]} args
 */
function wanted({ needs, remoteBy }, args) {
  const remote = args.some((one) => remoteBy !== undefined && one.split('=')[0] === remoteBy);
  return [
    '--quiet',
    ...(needs.includes('runtime') && !remote ? [] : ['--no-runtime']),
    ...(needs.includes('tensorflow.js') ? ['--with-tensorflow-js'] : []),
  ];
}

/**
 * The cache that the program is told is also the one that is set up.
 * @param {readonly string[]} args
 * @returns {NodeJS.ProcessEnv}
 */
function environment(args) {
  const at = args.findIndex((one) => one === '--cache' || one.startsWith('--cache='));
  const given = args[at]?.slice('--cache='.length);
  const cache = given === '' ? args[at + 1] : given;
  return cache === undefined || cache === ''
    ? process.env
    : { ...process.env, TFJS_SERVING_CACHE: cache };
}

/**
 * Runs the set-up in a process of its own.
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} its exit code
 */
function setUp(args, env) {
  return new Promise((resolve, reject) => {
    // Standard output is the program's: rows and reports go there.
    const child = spawn(process.execPath, [SETUP, ...args], { stdio: 'inherit', env });
    const names = /** @type {(keyof typeof SIGNALS)[]} */ (Object.keys(SIGNALS));
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => child.kill(signal);
    for (const name of names) process.on(name, pass);
    const end = () => {
      for (const name of names) process.off(name, pass);
    };
    child.once('error', (error) => {
      end();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      end();
      resolve(code ?? SIGNALS[/** @type {keyof typeof SIGNALS} */ (signal)] ?? 1);
    });
  });
}

module.exports = { launch };
