import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { NewVersion } from '../new-version';

/** Folders of one run; gone when it ends, however it ends. */
export interface Workspace {
  /** Undefined for a trial. */
  readonly newVersion: NewVersion | undefined;
  /** For the converted graph, and for the float32 graph beside which it is measured. */
  readonly folders: { readonly float32: string; readonly converted: string };
  discard(): void;
}

/** @throws CliError outputFailed when the model's folder cannot be written */
export async function openWorkspace(model: string, dryRun: boolean): Promise<Workspace> {
  const newVersion = dryRun ? undefined : await NewVersion.begin(model);
  const scratch = mkdtempSync(path.join(tmpdir(), 'tfjs-serving-optimize-'));
  return {
    newVersion,
    folders: {
      float32: path.join(scratch, 'float32'),
      converted: newVersion?.directory ?? path.join(scratch, 'converted'),
    },
    discard: () => {
      rmSync(scratch, { recursive: true, force: true });
      newVersion?.discard();
    },
  };
}
