/**
 * Prints "N passed, N failed, N skipped" from the file that `jest --json --outputFile` wrote.
 * Usage: node scripts/ci-summary.mjs RESULTS.json
 */
import { readFileSync } from 'node:fs';

/**
 * The part of jest's results that is read here.
 * @typedef {{
 *   numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   numRuntimeErrorTestSuites: number,
 * }} Results
 */

/** @param {Results} results */
function summarise(results) {
  return {
    passed: results.numPassedTests,
    // A file that cannot be loaded has no failed test in it; it counts as one.
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/**
 * @param {string} file
 * @returns {Results}
 */
function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    process.stderr.write(`ci-summary: jest left no results in ${file}: ${String(error)}\n`);
    process.exit(1);
  }
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Usage: node scripts/ci-summary.mjs RESULTS.json\n');
  process.exit(2);
}
const { passed, failed, skipped } = summarise(readResults(file));
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
