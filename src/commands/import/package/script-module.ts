import { createContext, runInContext } from 'node:vm';

import { messageOf } from '../../../kernel/errors';
import { ImportError } from '../import-error';

const TIMEOUT_MS = 30_000;

/**
 * What a bundled CommonJS or UMD script exports, as plain data. Packages such as nsfwjs carry their
 * model.json and weights so. The script sees neither `require` nor `process`.
 * @throws ImportError when it fails or exports nothing
 */
export function readScriptModule(text: string, file: string): unknown {
  const module: { exports: unknown } = { exports: {} };
  try {
    const context = createContext({ module, exports: module.exports });
    runInContext(text, context, { timeout: TIMEOUT_MS, filename: file });
    // Arrays and objects of the other context are of other classes.
    const json = JSON.stringify(module.exports) as string | undefined;
    if (json !== undefined && json !== '{}') return JSON.parse(json) as unknown;
  } catch (cause) {
    throw new ImportError(`${file} cannot be read as a module: ${messageOf(cause)}`, { cause });
  }
  throw new ImportError(`${file} exports nothing`);
}
