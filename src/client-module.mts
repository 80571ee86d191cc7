/** `tfjs-serving/client` as an ES module: the types of dist/client.min.mjs, which scripts/bundle.mjs makes. */
export * from './client/index.js';
