import type { Agreement } from '../agreement';
import type { OutputDifference } from '../difference-meter';

/** What a conversion costs in accuracy. */
export interface AccuracyLoss {
  /**
   * Classes: the mean distance of the best score, or the share of images with another best class where
   * that is larger; one image aside, as two classes that are as good as equal may change places in any
   * arithmetic. Pictures: dB of PSNR. All else: the mean difference relative to the mean value.
   */
  readonly loss: number;
  /** Mean difference of the output relative to its mean value: finer than the loss, to compare by. */
  readonly difference: number;
}

/** PSNR in dB of a float32 model's pictures against the truth, when nothing is known of that. */
const USUAL_PSNR_DB = 30;

/** Losses that are accepted unless `--max-accuracy-loss` says otherwise. */
const BUDGETS = { classes: 0.01, pictures: 0.3, numbers: 0.05 } as const;

/** @param count of images */
export function lossOf(
  agreement: Agreement | undefined,
  { meanRelative }: OutputDifference,
  count: number,
): AccuracyLoss {
  switch (agreement?.kind) {
    case undefined:
      return { loss: meanRelative, difference: meanRelative };
    case 'classes':
      return {
        loss: Math.max(
          (agreement.changed.length - 1) / Math.max(1, count),
          agreement.meanScoreDifference,
        ),
        difference: meanRelative,
      };
    case 'pictures':
      return { loss: lostDb(agreement.psnrDb), difference: meanRelative };
  }
}

/** What noise of such a PSNR takes from pictures that are as good as pictures usually are. */
export function lostDb(psnrDb: number | null): number {
  return psnrDb === null ? 0 : 10 * Math.log10(1 + 10 ** ((USUAL_PSNR_DB - psnrDb) / 10));
}

export function defaultBudget(kind: Agreement['kind'] | undefined): number {
  return BUDGETS[kind ?? 'numbers'];
}
