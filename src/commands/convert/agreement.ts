import type { ServableSpec } from '../../models/servable-spec';
import { classify, type Prediction } from '../../outputs/classification';
import type { ClassificationSettings } from '../../tasks/image-classification/task';
import type { PictureSettings } from '../../tasks/picture-output';
import { toImage } from '../../outputs/generated-image';
import type { Tensor } from '../../kernel/tensor';
import type { Photo } from './photos';

/** How far the answers that a client sees agree. */
export type Agreement =
  | {
      readonly kind: 'classes';
      /** Share of the images with the same best class, 0 to 1. */
      readonly top1: number;
      /** Images with another one. */
      readonly changed: readonly string[];
      /** Mean distance of the best score, after the activation. */
      readonly meanScoreDifference: number;
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
  if (task === 'image-classification') return new ClassMeter(settings as ClassificationSettings);
  return task === 'image-to-image' ? new PictureMeter(settings as PictureSettings) : undefined;
}

class ClassMeter implements AgreementMeter {
  readonly #settings: Pick<ClassificationSettings, 'activation'>;
  #count = 0;
  #scores = 0;
  readonly #changed: string[] = [];

  constructor(settings: Pick<ClassificationSettings, 'activation'>) {
    this.#settings = settings;
  }

  add({ file }: Photo, expected: Tensor, actual: Tensor): void {
    this.#count += 1;
    const [before, after] = [this.#best(expected), this.#best(actual)];
    if (before?.index !== after?.index) this.#changed.push(file);
    this.#scores += Math.abs((before?.score ?? 0) - (after?.score ?? 0));
  }

  result(): Agreement {
    const same = this.#count - this.#changed.length;
    const count = Math.max(1, this.#count);
    return {
      kind: 'classes',
      top1: same / count,
      changed: this.#changed,
      meanScoreDifference: this.#scores / count,
    };
  }

  #best(output: Tensor): Prediction | undefined {
    const { activation } = this.#settings;
    return classify(output, { activation, labels: undefined, topK: 1 })[0];
  }
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
