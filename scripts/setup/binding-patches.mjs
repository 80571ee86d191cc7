import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';

/**
 * Changes made to the package's C++ sources before they are compiled. Each must match exactly
 * once, so that a new version of the package cannot be patched wrongly in silence.
 */
const PATCHES = [
  {
    file: 'tfjs_backend.cc',
    why: 'uint8 results, what image models answer, cannot be read otherwise: "Unhandled TF_DataType: 4"',
    from: '    case TF_BOOL:\n      typed_array_type = napi_uint8_array;\n',
    to: '    case TF_BOOL:\n    case TF_UINT8:\n      typed_array_type = napi_uint8_array;\n',
  },
];

/** Copies the sources into `target` with the patches applied. */
export function patchedSources(sources, target) {
  rmSync(target, { recursive: true, force: true });
  cpSync(sources, target, { recursive: true });
  for (const { file, from, to, why } of PATCHES) {
    const name = path.join(target, file);
    const parts = readFileSync(name, 'utf8').split(from);
    if (parts.length !== 2) {
      throw new SetupError(
        `A patch for ${file} fits in ${parts.length - 1} places instead of one (${why}).`,
      );
    }
    writeFileSync(name, parts.join(to));
  }
}
