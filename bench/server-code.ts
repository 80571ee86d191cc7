import path from 'node:path';

import { ROOT } from './paths';

/** The server's own modules, as built: what is measured is what runs. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a typed require
export function serverModule<T>(name: string): T {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the path is known at run time only
  return require(path.join(ROOT, 'dist', name)) as T;
}
