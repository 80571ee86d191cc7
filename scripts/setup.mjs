/** The set-up: `--help` describes it. This file runs on any Node, to say which one is needed. */
import { SetupError, systemCode } from './setup/errors.mjs';
import { checkPlatform } from './setup/platform.mjs';

/**
 * Errors of the file system that the user can solve.
 * @type {Readonly<Record<string, string>>}
 */
const FILE_ERRORS = {
  EACCES: 'You may not write there',
  EPERM: 'You may not write there',
  EROFS: 'It is read-only',
  ENOSPC: 'The disk is full',
  EDQUOT: 'Your disk quota is used up',
};

/**
 * What to do about an error; undefined when that is unknown.
 * @param {Error} error
 */
function hintFor(error) {
  if (error instanceof SetupError) return error.hint ?? '';
  const fileError = FILE_ERRORS[systemCode(error) ?? ''];
  if (fileError === undefined) return undefined;
  return `${fileError}; --cache or TFJS_SERVING_CACHE chooses another cache`;
}

/** @param {unknown} error */
function report(error) {
  const hint = error instanceof Error ? hintFor(error) : undefined;
  // A fault of the set-up itself: its stack says where.
  if (!(error instanceof Error) || hint === undefined) throw error;
  for (const line of [error.message, hint]) {
    if (line !== '') process.stderr.write(`setup: ${line}\n`);
  }
  process.exitCode = 1;
}

try {
  const platform = checkPlatform({
    nodeVersion: process.versions.node,
    os: process.platform,
    arch: process.arch,
  });
  // Loaded only now: the rest imports functions that older versions of Node lack.
  const { main } = await import('./setup/main.mjs');
  await main(platform);
} catch (error) {
  report(error);
}
