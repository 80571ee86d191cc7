// Preloaded into a server: at SIGWINCH it says which of OpenTelemetry's packages are loaded.
process.on('SIGWINCH', () => {
  const names = Object.keys(require.cache).map(
    (file) => /node_modules\/(@opentelemetry\/[\w-]+)\//.exec(file)?.[1],
  );
  const packages = [...new Set(names)].filter((name) => name !== undefined).sort();
  console.log(JSON.stringify({ packages, msg: 'loaded' }));
});
