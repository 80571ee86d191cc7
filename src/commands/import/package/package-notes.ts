import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import type { TfjsPackage } from './tfjs-package';

/** What a package says of its model beside the graph. */
export interface PackageNotes {
  /** In index order. */
  readonly labels?: readonly string[];
  /** As in model.json. */
  readonly normalization?: 'minus-one-to-one';
}

/** metadata.json of an export of Teachable Machine. */
const teachableMachine = z.object({
  packageName: z.literal('@teachablemachine/image').optional(),
  tmVersion: z.string().optional(),
  labels: z.array(z.string().min(1)).min(1),
  imageSize: z.number().optional(),
});

/** Reads metadata.json beside the model, where there is one that is known. */
export async function readPackageNotes({ folder }: TfjsPackage): Promise<PackageNotes> {
  const text = await readFile(path.join(folder, 'metadata.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  const parsed = teachableMachine.safeParse(value);
  if (!parsed.success) return {};
  const { packageName, tmVersion, labels } = parsed.data;
  // Teachable Machine feeds its image models pixels from −1 to 1.
  const normalised = packageName !== undefined || tmVersion !== undefined;
  return { labels, ...(normalised ? { normalization: 'minus-one-to-one' as const } : {}) };
}
