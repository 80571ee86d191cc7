import type { ScoreRow } from '../../src/commands/score/rows/score-row';

/** Rows of every kind, with all that makes formats stumble. */
export const ODD_ROWS: readonly ScoreRow[] = [
  {
    path: 'a, "b"\nc.jpg',
    root: 'photos',
    size: 12,
    mtime: '2026-01-02T03:04:05.678Z',
    hash: 'sha256:00',
    model: 'm',
    version: '1',
    status: 'ok',
    predictions: [
      { index: 1, label: 'cat, "tabby"', score: 0.75 },
      { index: 0, label: '', score: 0.000001 },
    ],
    timings: { preprocess: 1.25, queue: 0, infer: 3, postprocess: 0.1, total: 4.35 },
  },
  {
    path: 'bad%FF.jpg',
    pathEncoding: 'percent',
    root: '/',
    model: 'm',
    version: '1',
    status: 'error',
    error: { code: 'UNDECODABLE_IMAGE', message: 'The JPEG file is damaged:\r\n"x"' },
  },
  {
    path: 'x/é😀.png',
    root: '.',
    size: 4294967296123,
    mtime: '2026-01-02T03:04:05.000Z',
    model: 'm',
    version: '1',
    status: 'ok',
    output: { path: 'x/é😀.png.png', width: 2, height: 3, format: 'png', bytes: 99 },
  },
  {
    path: 'd.png',
    root: '.',
    model: 'm',
    version: '1',
    status: 'ok',
    detections: [
      { label: 'cup', index: 4, score: 0.9, box: { xmin: 0, ymin: 1, xmax: 20, ymax: 30 } },
      { label: 'cup', index: 4, score: 0.5, box: { xmin: 9, ymin: 1, xmax: 20, ymax: 30 } },
    ],
  },
  {
    path: 's.png',
    root: '.',
    model: 'm',
    version: '1',
    status: 'ok',
    width: 40,
    height: 30,
    segments: [
      { label: 'light', index: 0, score: 0.75, area: 700, mask: 's.png.0.png' },
      { label: '', index: 3, area: 5 },
    ],
    timings: { total: 4 },
  },
  {
    path: 'e.png',
    root: '.',
    model: 'm',
    version: '1',
    status: 'ok',
    embedding: [0.100000001, -3, 0, 1.17549435e-38],
  },
];

/** Rows in an order of their own, for comparison. */
export function sorted(rows: readonly ScoreRow[]): ScoreRow[] {
  return [...rows].sort((a, b) => (`${a.root}/${a.path}` < `${b.root}/${b.path}` ? -1 : 1));
}
