import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemCode } from './errors.mjs';

/**
 * Where it is written what is installed: beside the packages, and where that folder belongs to
 * somebody else (a package that root has installed for all) in the cache. src/runtime/runtime-install.ts
 * looks there too.
 * @param {string} root the clone, or the installed package
 * @param {string} cache
 */
function placesOf(root, cache) {
  const name = createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 16);
  return [
    path.join(root, 'node_modules/.tfjs-serving-runtime.json'),
    path.join(cache, 'installs', `${name}.json`),
  ];
}

/**
 * @param {string} root
 * @param {string} cache
 * @returns {string | undefined} undefined where nothing has been installed
 */
export function readInstallRecord(root, cache) {
  for (const place of placesOf(root, cache)) {
    try {
      return readFileSync(place, 'utf8');
    } catch {
      // The other place, then.
    }
  }
  return undefined;
}

/**
 * @param {string} root
 * @param {string} cache
 * @param {string} record
 */
export function writeInstallRecord(root, cache, record) {
  const [beside = '', inCache = ''] = placesOf(root, cache);
  try {
    write(beside, record);
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
    write(inCache, record);
  }
}

/**
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
