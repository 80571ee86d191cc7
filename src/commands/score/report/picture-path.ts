import path from 'node:path';

import { joinPath } from '../inputs/input';
import { pathBytes, type PathText } from '../inputs/path-text';

/**
 * Where a picture of a row lies, or undefined where the row points outside its folder: a result
 * file from elsewhere must not bring other files of this machine into the page.
 * @param file below `folder`
 */
export function picturePath(folder: string, file: PathText): Buffer | undefined {
  const bytes = pathBytes(file);
  if (/(^|\/)\.\.(\/|$)|^\/|\0/.test(bytes.toString('latin1'))) return undefined;
  return joinPath(Buffer.from(path.resolve(folder)), bytes);
}
