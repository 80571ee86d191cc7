import type { ServableSpec } from '../../models/servable-spec';
import { topIndices } from '../../outputs/classification';
import type { PictureSettings } from '../../tasks/picture-output';
import { toImage } from '../../outputs/generated-image';
import { isBigData } from '../../kernel/element-types';
import { isByteStrings, numbersOf, type Tensor } from '../../kernel/tensor';
import type { Photo } from './photos';

/** How far the answers that a client sees agree. */
export type Agreement =
  | {
      readonly kind: 'classes';
      /** Share of the images with the same best class, 0 to 1. */
      readonly top1: number;
      /** Images with another one. */
      readonly changed: readonly string[];
    }
  | {
      readonly kind: 'pictures';
      /** Over all pixels, 8 bits; null when all are equal. */
      readonly psnrDb: number | null;
      readonly worstPsnrDb: number | null;
      readonly maxPixelDifference: number;
    };

/** Compares one image's output after the other. */
export interface AgreementMeter {
  add(photo: Photo, expected: Tensor, actual: Tensor): void;
  result(): Agreement;
}

/** @returns undefined for models whose outputs are neither classes nor pictures */
export function agreementMeter({ task, settings }: ServableSpec): AgreementMeter | undefined {
  if (task === 'image-classification') return new ClassMeter();
  return task === 'image-to-image' ? new PictureMeter(settings as PictureSettings) : undefined;
}

class ClassMeter implements AgreementMeter {
  #count = 0;
  readonly #changed: string[] = [];

  add({ file }: Photo, expected: Tensor, actual: Tensor): void {
    this.#count += 1;
    if (best(expected) !== best(actual)) this.#changed.push(file);
  }

  result(): Agreement {
    const same = this.#count - this.#changed.length;
    return { kind: 'classes', top1: same / Math.max(1, this.#count), changed: this.#changed };
  }
}

function best(output: Tensor): number | undefined {
  const data = numbersOf(output);
  return isByteStrings(output.data) || isBigData(data) ? undefined : topIndices(data, 1)[0];
}

class PictureMeter implements AgreementMeter {
  readonly #output: PictureSettings;
  #squares = 0;
  #values = 0;
  #worst = 0;
  #maxDifference = 0;

  constructor(output: PictureSettings) {
    this.#output = output;
  }

  add({ crop }: Photo, expected: Tensor, actual: Tensor): void {
    const { valueRange, layout } = this.#output;
    const [a, b] = [expected, actual].map(
      (tensor) => toImage(tensor, { valueRange, layout, crop }).pixels,
    );
    if (a === undefined || b === undefined) return;
    let squares = 0;
    for (let i = 0; i < a.length; i++) {
      const difference = Math.abs((a[i] ?? 0) - (b[i] ?? 0));
      squares += difference ** 2;
      this.#maxDifference = Math.max(this.#maxDifference, difference);
    }
    this.#squares += squares;
    this.#values += a.length;
    this.#worst = Math.max(this.#worst, squares / Math.max(1, a.length));
  }

  result(): Agreement {
    return {
      kind: 'pictures',
      psnrDb: psnr(this.#squares / Math.max(1, this.#values)),
      worstPsnrDb: psnr(this.#worst),
      maxPixelDifference: this.#maxDifference,
    };
  }
}

function psnr(meanSquare: number): number | null {
  return meanSquare === 0 ? null : 10 * Math.log10(255 ** 2 / meanSquare);
}
