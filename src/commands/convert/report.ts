import type { Int8Report } from './int8/int8-report';
import { layerLines } from './int8/layer-lines';
import type { Conversion } from './precision/convert-model';
import type { Precision } from './precision/precision';
import type { Agreement } from './agreement';
import type { OutputDifference } from './difference-meter';
import type { Speed } from './measure-speed';

/** What a version folder tells of how it was made: optimization.json. */
export interface ConversionReport {
  readonly format: 1;
  readonly createdAt: string;
  readonly model: string;
  readonly precision: Precision;
  /** Version that was converted, and the one that it became; null for a trial. */
  readonly sourceVersion: number;
  readonly version: number | null;
  readonly runtime: {
    readonly tensorflow: string;
    readonly device: 'cpu' | 'gpu';
    readonly intraOpThreads: number | null;
    readonly node: string;
    readonly processor: string;
    /** Instructions for sums of 8-bit products; empty where the processor has none, or it is not known. */
    readonly int8Instructions: readonly string[];
  };
  readonly conversion: Conversion | Int8Report;
  readonly bytes: {
    /** Graph and variables of the source. */
    readonly source: number;
    readonly converted: number;
  };
  /** Against the float32 graph as the server runs it, its weights frozen. */
  readonly speed: readonly Speed[];
  /** Resident bytes that loading and three runs take; null where it could not be measured. */
  readonly memory: { readonly float32: number | null; readonly converted: number | null };
  readonly comparison: {
    readonly inputs: 'images' | 'random';
    readonly count: number;
    readonly skipped: readonly { readonly file: string; readonly reason: string }[];
    readonly signature: string;
    readonly output: string;
    readonly difference: OutputDifference;
    readonly agreement: Agreement | null;
    /** max |a − b| / max |a| of every signature on random inputs. */
    readonly signatures: Readonly<Record<string, number>>;
  };
}

export const REPORT_FILE = 'optimization.json';

/** The report as a table for a person. */
export function reportLines(report: ConversionReport): string[] {
  const { bytes, memory, conversion, speed, comparison } = report;
  const { difference, agreement, inputs, count } = comparison;
  const rows: (readonly [string, string, string, string])[] = [
    ['', 'float32', report.precision, 'ratio'],
    ['files', mib(bytes.source), mib(bytes.converted), share(bytes.source, bytes.converted)],
    [
      'weights',
      mib(conversion.weightBytes.float32),
      mib(conversion.weightBytes.converted),
      share(conversion.weightBytes.float32, conversion.weightBytes.converted),
    ],
    ...(memory.float32 === null || memory.converted === null
      ? []
      : [
          [
            'memory (RSS)',
            mib(memory.float32),
            mib(memory.converted),
            share(memory.float32, memory.converted),
          ] as const,
        ]),
    ...speed.map(
      ({ batch, float32Ms, convertedMs, ratio, float32PerSecond, convertedPerSecond }) =>
        [
          `batch ${batch}`,
          `${float32Ms.toFixed(1)} ms, ${float32PerSecond.toFixed(0)}/s`,
          `${convertedMs.toFixed(1)} ms, ${convertedPerSecond.toFixed(0)}/s`,
          `×${ratio.toFixed(2)}`,
        ] as const,
    ),
  ];
  return [
    ...alignedRows(rows),
    '',
    `compared on ${count} ${inputs === 'images' ? 'images' : 'random inputs, as no images were given: how answers on photos change is not known'}`,
    `difference of "${comparison.output}": at most ${number(difference.maxAbsolute)} (${percent(difference.maxRelative)} of the largest value), on average ${number(difference.meanAbsolute)} (${percent(difference.meanRelative)})`,
    ...agreementLines(agreement, count),
    ...('quantized' in conversion && conversion.precision === 'int8' ? layerLines(conversion) : []),
  ];
}

function agreementLines(agreement: Agreement | null, count: number): string[] {
  switch (agreement?.kind) {
    case undefined:
      return [];
    case 'classes': {
      const { top1, changed, meanScoreDifference } = agreement;
      const others = changed.length === 0 ? '' : `; another class: ${changed.join(', ')}`;
      return [
        `same best class: ${count - changed.length} of ${count} (${percent(top1)})${others}`,
        `best score: ${number(meanScoreDifference)} away on average`,
      ];
    }
    case 'pictures': {
      const { psnrDb, worstPsnrDb, maxPixelDifference } = agreement;
      return psnrDb === null || worstPsnrDb === null
        ? ['pictures: every pixel equal']
        : [
            `pictures: PSNR ${psnrDb.toFixed(1)} dB, worst ${worstPsnrDb.toFixed(1)} dB, largest pixel difference ${maxPixelDifference} of 255`,
          ];
    }
  }
}

/** Columns of equal width. */
function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function mib(bytes: number): string {
  return bytes < 2 ** 20
    ? `${(bytes / 2 ** 10).toFixed(0)} KiB`
    : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function share(before: number, after: number): string {
  return `÷${(before / after).toFixed(2)}`;
}

function number(value: number): string {
  return value === 0 ? '0' : value.toPrecision(2);
}

function percent(value: number): string {
  return `${Number((100 * value).toPrecision(3))} %`;
}
