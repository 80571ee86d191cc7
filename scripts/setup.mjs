import { SetupError } from './setup/errors.mjs';
import { checkPlatform } from './setup/platform.mjs';

/** What the file system refuses is the user's to solve, not a fault in here. */
const FILE_ERRORS = {
  EACCES: 'You may not write there',
  EPERM: 'You may not write there',
  EROFS: 'It is read-only',
  ENOSPC: 'The disk is full',
  EDQUOT: 'Your disk quota is used up',
};

function report(error) {
  const lines = [error.message];
  if (error instanceof SetupError) {
    if (error.hint !== undefined) lines.push(error.hint);
  } else if (error.code in FILE_ERRORS) {
    lines.push(`${FILE_ERRORS[error.code]}; --cache or TFJS_SERVING_CACHE chooses another cache`);
  } else {
    throw error;
  }
  for (const line of lines) process.stderr.write(`setup: ${line}\n`);
  process.exitCode = 1;
}

try {
  const platform = checkPlatform({
    nodeVersion: process.versions.node,
    os: process.platform,
    arch: process.arch,
  });
  // Loaded only now: the rest imports functions that an older Node does not have.
  const { main } = await import('./setup/main.mjs');
  await main(platform);
} catch (error) {
  report(error);
}
