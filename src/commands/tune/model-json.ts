import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { applyEdits, modify, type FormattingOptions } from 'jsonc-parser';

import { hasErrorCode } from '../../kernel/errors';
import { parseModelConfig } from '../../models/model-config';
import type { TuneSettings } from './settings';

/**
 * A model.json with the settings in place; all other keys, their order and their layout stay.
 * @param text undefined when there is no model.json
 * @throws ModelConfigError when the text is not a valid model.json, before or after
 */
export function withSettings(text: string | undefined, settings: TuneSettings): string {
  const before = text ?? '{}\n';
  const { batching } = parseModelConfig(before);
  const mayBatch = batching !== false;
  const { instances, threads, maxBatchSize, maxQueueDelayMs } = settings;
  const formattingOptions = layoutOf(before);
  let edited = before;
  const set = (keys: string[], value: unknown, after?: string): void => {
    // What a key is put behind is laid out anew with it.
    const getInsertionIndex = (names: string[]): number =>
      after === undefined ? names.length : names.indexOf(after) + 1;
    edited = applyEdits(
      edited,
      modify(edited, keys, value, { formattingOptions, getInsertionIndex }),
    );
  };
  set(['instances'], instances);
  set(['threads'], threads === 0 ? undefined : threads, 'instances');
  if (mayBatch) {
    set(['batching', 'maxBatchSize'], maxBatchSize);
    const allowed = batching?.allowedBatchSizes;
    // Its last must be maxBatchSize; the sizes below that still fit are the operator's choice.
    if (allowed !== undefined && allowed.at(-1) !== maxBatchSize) {
      set(['batching', 'allowedBatchSizes'], extended(allowed, maxBatchSize));
    }
    set(['batching', 'maxQueueDelayMs'], maxQueueDelayMs);
  }
  parseModelConfig(edited);
  return edited;
}

/** Sizes up to `largest`: those given, doubled on where they end too early. */
function extended(sizes: readonly number[], largest: number): readonly number[] {
  const kept = sizes.filter((size) => size < largest);
  for (let next = (kept.at(-1) ?? 1) * 2; next < largest; next *= 2) kept.push(next);
  return [...kept, largest];
}

function layoutOf(text: string): FormattingOptions {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

/** @returns undefined when there is no such file */
export async function readModelJson(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    if (hasErrorCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

/** Old or new, never half: a server that polls may read at any moment. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const beside = path.join(
    path.dirname(file),
    `.${path.basename(file)}.${randomBytes(4).toString('hex')}`,
  );
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => 0o644,
  );
  try {
    const handle = await open(beside, 'wx', mode);
    try {
      await handle.writeFile(text);
      // On the disk before it takes the name.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}
