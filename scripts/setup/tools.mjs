import { spawn, spawnSync } from 'node:child_process';
import { onInterrupt } from './cleanup.mjs';
import { SetupError } from './errors.mjs';

const KEPT_OUTPUT = 64 * 1024;

/**
 * How a program ended: its exit code or the name of a signal, its standard output, and the end of
 * all that it printed.
 * @typedef {{ code: number | string, stdout: string, output: string }} Ended
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string }} RunOptions
 * input: what it reads from standard input
 */

/**
 * Runs a program to its end. Asynchronous: progress and the lock's heartbeat continue meanwhile.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Ended>}
 */
export function run(command, args, { cwd, env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const forget = onInterrupt(() => child.kill('SIGTERM'));
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      stdout += text;
      output = (output + text).slice(-KEPT_OUTPUT);
    });
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
    // A program that ends before it has read its input is reported by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', (error) => {
      forget();
      reject(error);
    });
    child.on('close', (code, signal) => {
      forget();
      resolve({ code: code ?? `signal ${signal}`, stdout, output });
    });
  });
}

/**
 * Runs a program that has to succeed.
 * @param {string} what it is for, at the start of the error
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions & { hint?: string }} [options]
 * @throws {SetupError} with the end of what it printed
 */
export async function runOrThrow(what, command, args, { hint, ...options } = {}) {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    const tail = result.output.trim().split('\n').slice(-25).join('\n');
    throw new SetupError(`${what} failed (${command}: ${result.code}).\n${tail}`, hint);
  }
  return result;
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/**
 * The package of Debian and Ubuntu that brings each tool.
 * @type {Readonly<Record<string, string>>}
 */
const PACKAGES = { python3: 'python3', pip: 'python3-pip', 'g++': 'g++', npm: 'npm' };

/** @param {readonly string[]} names */
function missingTools(names) {
  const packages = names.map((name) => PACKAGES[name] ?? name);
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  return new SetupError(
    `${names.length === 1 ? 'A tool is' : 'Tools are'} missing on this machine: ${names.join(', ')}.`,
    `Install with: ${sudo}apt-get install -y ${packages.join(' ')}`,
  );
}

/**
 * How to call the tools that the native runtime is made with.
 * @typedef {{ python: string, pip: readonly string[], compiler: string }} NativeTools
 */

/**
 * Finds the tools that the native runtime is made with. pip is preferred as a module of the python3
 * that unpacks.
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NativeTools}
 * @throws {SetupError} naming every tool that is missing
 */
export function findNativeTools(environment) {
  const compiler = environment.CXX || 'g++';
  const python = works('python3', ['--version']);
  const pip = [['python3', '-m', 'pip'], ['pip3'], ['pip']].find(([command = '', ...args]) =>
    works(command, [...args, '--version']),
  );
  const missing = [];
  if (!python) missing.push('python3');
  if (pip === undefined) missing.push('pip');
  if (!works(compiler, ['--version'])) missing.push(compiler);
  if (missing.length > 0 || pip === undefined) throw missingTools(missing);
  return { python: 'python3', pip, compiler };
}

/** @throws {SetupError} where there is no npm */
export function requireNpm() {
  if (!works('npm', ['--version'])) throw missingTools(['npm']);
}
