/** The rows and thumbnails that the page holds, as the rest of the page wants them. */
(function (report) {
  'use strict';
  const data = JSON.parse(document.getElementById('data').textContent);
  const blocks = document.querySelectorAll('script.thumbnails');
  const parsed = new Map();

  const classes = data.classes.map(([name, index, predicted, actual, correct, scores], id) => ({
    id,
    name,
    index,
    predicted,
    actual,
    correct,
    meanScore: predicted === 0 ? null : scores / predicted,
  }));

  const rows = data.rows.map((row) => {
    const first = row.s && row.s[0];
    const label = first ? first[0] : null;
    return {
      ...row,
      label,
      labelName: first ? classes[label].name : '',
      score: first ? first[1] : null,
      actual: row.y === undefined ? null : row.y,
      time: row.t && row.t.total !== undefined ? row.t.total : null,
      text: `${row.p}\n${first ? classes[label].name : ''}`.toLowerCase(),
    };
  });

  /** A block is parsed when one of its thumbnails is first shown. */
  function inlined(number) {
    const at = Math.floor(number / data.perBlock);
    if (!parsed.has(at)) parsed.set(at, JSON.parse(blocks[at].textContent));
    return `data:image/webp;base64,${parsed.get(at)[number % data.perBlock]}`;
  }

  report.data = data;
  report.classes = classes;
  report.rows = rows;

  /** The address of a thumbnail, or null where there is none. */
  report.thumbnail = (number) => {
    if (number === undefined) return null;
    if (data.folder === null) return inlined(number);
    const folder = data.folder.split('/').map(encodeURIComponent).join('/');
    return `./${folder}/${Math.floor(number / data.perFolder)}/${number}.webp`;
  };

  /** The address of a file of a row, relative to the page; null where it cannot be written. */
  report.address = (folder, file, escaped) => {
    try {
      const encoded = file.split('/').map(encodeURIComponent).join('/');
      // In an escaped path each %XX stands for the byte that an address writes the same way.
      return folder + (escaped ? encoded.replaceAll('%25', '%') : encoded);
    } catch {
      return null;
    }
  };
})((globalThis.report ??= {}));
