import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import type { TfjsPackage } from './tfjs-package';

/** What a package says of its model beside the graph. */
export interface PackageNotes {
  /** In index order. */
  readonly labels?: readonly string[];
  /** `input` of model.json: how the package's own code makes the model's input of a picture. */
  readonly input?: Readonly<Record<string, unknown>>;
}

/** Packages whose code tells more than their models do. */
const PACKAGES: Readonly<Record<string, PackageNotes>> = {
  // `infer` stretches the picture with resizeBilinear, corners aligned, after dividing it by 255.
  nsfwjs: {
    labels: ['Drawing', 'Hentai', 'Neutral', 'Porn', 'Sexy'],
    input: { fit: 'fill', kernel: 'tf-bilinear-align-corners', normalization: 'zero-to-one' },
  },
};

/** `capture` of Teachable Machine: the middle of the picture, v / 127 − 1. A canvas resizes it. */
const TEACHABLE_MACHINE_INPUT = { normalization: { mean: [127], std: [127] } };

/** metadata.json of an export of Teachable Machine. */
const teachableMachine = z.object({
  packageName: z.literal('@teachablemachine/image').optional(),
  tmVersion: z.string().optional(),
  labels: z.array(z.string().min(1)).min(1),
  imageSize: z.number().optional(),
});

const packageJson = z.object({ name: z.string() });

/** What is known of the package that holds the model, and what metadata.json beside it says. */
export async function readPackageNotes({ folder }: TfjsPackage): Promise<PackageNotes> {
  const name = await packageAround(folder);
  const known = name === undefined ? undefined : PACKAGES[name];
  return { ...known, ...(await readMetadata(folder)) };
}

async function readMetadata(folder: string): Promise<PackageNotes> {
  const parsed = teachableMachine.safeParse(await readJson(path.join(folder, 'metadata.json')));
  if (!parsed.success) return {};
  const { packageName, tmVersion, labels } = parsed.data;
  const known = packageName !== undefined || tmVersion !== undefined;
  return { labels, ...(known ? { input: TEACHABLE_MACHINE_INPUT } : {}) };
}

/** Name of the npm package that a folder lies in. */
async function packageAround(folder: string): Promise<string | undefined> {
  const parsed = packageJson.safeParse(await readJson(path.join(folder, 'package.json')));
  if (parsed.success) return parsed.data.name;
  const above = path.dirname(folder);
  return above === folder ? undefined : packageAround(above);
}

/** Undefined where there is no such file, or something else in it. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}
