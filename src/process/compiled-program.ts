import { existsSync } from 'node:fs';
import path from 'node:path';

/** What runs in a process of its own, as a path below src/. */
export type CompiledProgram =
  | 'runtime/instance-process'
  | 'runtime/cuda-driver-process'
  | 'models/rows/examine-process'
  | 'rewriter/rewrite-process'
  | 'commands/convert/precision/conversion-process'
  | 'commands/convert/precision/memory-process'
  | 'commands/convert/int8/int8-process'
  | 'commands/import/import-process'
  | 'commands/import/served-check-process';

/** The compiled file: in the folder above when built, in dist/ when run from TypeScript sources. */
export function compiledProgram(program: CompiledProgram): string {
  const beside = path.join(__dirname, '..', `${program}.js`);
  return existsSync(beside) ? beside : path.resolve(__dirname, '../../dist', `${program}.js`);
}
