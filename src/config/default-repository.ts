import { statSync } from 'node:fs';
import path from 'node:path';

/** Folders that are looked for where the command is called. */
const USUAL = ['saved_models', 'models'];

/** The models of this package: beside both src/ and dist/. */
export const SHIPPED_MODELS = path.resolve(__dirname, '../../saved_models');

/** The model repository of whoever does not name one. */
export function defaultModelRepository(): string {
  return USUAL.find(isFolder) ?? SHIPPED_MODELS;
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}
