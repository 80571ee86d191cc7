const { default: Sequencer } = require('@jest/test-sequencer');

/** Folders with the longest tests, in the order in which they begin. */
const SLOW = ['/test/clients/', '/test/integration/', '/test/browser/'];

/** @param {string} file */
function rank(file) {
  const at = SLOW.findIndex((folder) => file.includes(folder));
  return at < 0 ? SLOW.length : at;
}

/** Begins with the slow tests: none of them keeps the others waiting for the end of the run. */
module.exports = class SlowFirst extends Sequencer {
  /**
   * @override
   * @param {Parameters<Sequencer['sort']>[0]} tests
   */
  async sort(tests) {
    const sorted = await super.sort(tests);
    return sorted.toSorted((a, b) => rank(a.path) - rank(b.path));
  }
};
