import type { ReportSummary } from './write-report';

/** What a person at a terminal is told about a report that was written. */
export function summaryLines(summary: ReportSummary): string[] {
  const { totals, listed, withoutThumbnail, folder } = summary;
  const { accuracy } = totals;
  const size = (summary.bytes / 1024 / 1024).toFixed(1);
  const { scored } = totals;
  return [
    `${summary.target}: ${scored} scored, ${totals.failed} errors, ${size} MiB`,
    ...(listed < scored ? [`  lists a sample of ${listed} images; its totals are of all`] : []),
    ...(folder === undefined ? [] : [`  thumbnails in ${folder}, which belongs to the page`]),
    ...(withoutThumbnail === 0 ? [] : [`  ${withoutThumbnail} images could not be read again`]),
    ...(accuracy === undefined
      ? []
      : [
          `  top-1 ${accuracy.top1} of ${accuracy.labelled}, ` +
            `top-${accuracy.k} ${accuracy.topK} of ${accuracy.labelled}`,
        ]),
  ];
}
