/** The rows and thumbnails that the page holds, as the rest of the page wants them. */
(function (report) {
  'use strict';
  /** @type {import('../../src/commands/score/report/page-data').PageData} */
  const data = JSON.parse(document.getElementById('data')?.textContent ?? '');
  const blocks = document.querySelectorAll('script.thumbnails');
  /** @type {Map<number, readonly string[]>} */
  const parsed = new Map();

  const classes = data.classes.map(([name, index, predicted, actual, correct, meanScore], id) => ({
    id,
    name,
    index,
    predicted,
    actual,
    correct,
    meanScore,
  }));

  report.classOf = (id) => {
    const found = classes[id];
    if (found === undefined) throw new Error(`There is no class ${id}`);
    return found;
  };
  report.rootOf = (number) => {
    const found = data.roots[number];
    if (found === undefined) throw new Error(`There is no root ${number}`);
    return found;
  };

  const rows = data.rows.map((row) => {
    const [label, score] = row.s?.[0] ?? [null, null];
    const labelName = label === null ? '' : report.classOf(label).name;
    // Every class that was found, or the first prediction.
    const named = row.f ? row.s : row.s?.slice(0, 1);
    const labels = (named ?? []).map(([id]) => id);
    return {
      ...row,
      label,
      labels,
      labelName,
      score,
      actual: row.y ?? null,
      time: row.t?.total ?? null,
      text: `${row.p}\n${labels.map((id) => report.classOf(id).name).join('\n')}`.toLowerCase(),
    };
  });

  /**
   * A block is parsed when one of its thumbnails is first shown.
   * @param {number} number
   */
  function inlined(number) {
    const at = Math.floor(number / data.perBlock);
    /** @type {readonly string[]} */
    const block = parsed.get(at) ?? JSON.parse(blocks[at]?.textContent ?? '[]');
    parsed.set(at, block);
    return `data:image/webp;base64,${block[number % data.perBlock]}`;
  }

  report.data = data;
  report.classes = classes;
  report.rows = rows;

  report.thumbnail = (number) => {
    if (number === undefined) return null;
    if (data.folder === null) return inlined(number);
    const folder = data.folder.split('/').map(encodeURIComponent).join('/');
    return `./${folder}/${Math.floor(number / data.perFolder)}/${number}.webp`;
  };

  report.address = (folder, file, escaped) => {
    try {
      const encoded = file.split('/').map(encodeURIComponent).join('/');
      // In an escaped path each %XX stands for the byte that an address writes the same way.
      return folder + (escaped ? encoded.replaceAll('%25', '%') : encoded);
    } catch {
      return null;
    }
  };
})((globalThis.report ??= /** @type {import('./report').Report} */ ({})));
