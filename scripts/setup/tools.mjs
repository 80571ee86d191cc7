import { spawn, spawnSync } from 'node:child_process';
import { onInterrupt } from './cleanup.mjs';
import { SetupError } from './errors.mjs';

const KEPT_OUTPUT = 64 * 1024;

/**
 * Runs a program to its end and answers { code, stdout, output }. Asynchronous, so that progress
 * and the lock's heartbeat go on meanwhile.
 */
export function run(command, args, { cwd, env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const forget = onInterrupt(() => child.kill('SIGTERM'));
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output = (output + text).slice(-KEPT_OUTPUT);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
    // A program that ends before reading its input is reported by its exit code.
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

/** Runs a program and throws, with the end of what it printed, unless it succeeded. */
export async function runOrThrow(what, command, args, { hint, ...options } = {}) {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    const tail = result.output.trim().split('\n').slice(-25).join('\n');
    throw new SetupError(`${what} failed (${command}: ${result.code}).\n${tail}`, hint);
  }
  return result;
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Debian and Ubuntu package that brings each tool. */
const PACKAGES = { python3: 'python3', pip: 'python3-pip', 'g++': 'g++', npm: 'npm' };

export function missingTools(names) {
  const packages = names.map((name) => PACKAGES[name] ?? name);
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  return new SetupError(
    `${names.length === 1 ? 'A tool is' : 'Tools are'} missing on this machine: ${names.join(', ')}.`,
    `Install with: ${sudo}apt-get install -y ${packages.join(' ')}`,
  );
}

/**
 * Finds what the native runtime is made with, and names everything missing in one go. Answers how
 * to call each: pip is preferred as a module of the python3 that unpacks.
 */
export function findNativeTools(environment) {
  const compiler = environment.CXX || 'g++';
  const python = works('python3', ['--version']);
  const pip = [['python3', '-m', 'pip'], ['pip3'], ['pip']].find(([command, ...args]) =>
    works(command, [...args, '--version']),
  );
  const missing = [];
  if (!python) missing.push('python3');
  if (pip === undefined) missing.push('pip');
  if (!works(compiler, ['--version'])) missing.push(compiler);
  if (missing.length > 0) throw missingTools(missing);
  return { python: 'python3', pip, compiler };
}

export function requireNpm() {
  if (!works('npm', ['--version'])) throw missingTools(['npm']);
}
