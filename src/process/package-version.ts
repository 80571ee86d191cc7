import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Version in package.json, which lies in the folder above both src/ and dist/. */
export function packageVersion(): string {
  const text = readFileSync(path.resolve(__dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
