/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // By itself jest takes one less than there are cores. Tests with servers often wait, and two at a
  // time keep two cores busy; more would only take memory from each other.
  maxWorkers: 2,
  testSequencer: '<rootDir>/test/support/slow-first.cjs',
  // Real TensorFlow runs take seconds on a small shared machine; hangs still end.
  testTimeout: 300_000,
};
