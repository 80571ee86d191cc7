/**
 * The instructions of a Dockerfile, with continued lines joined and comments left out.
 * @param {string} source
 * @returns {{ name: string, text: string }[]}
 */
export function readDockerfile(source) {
  const lines = source.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replace(/\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', text = ''] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
      return { name: name.toUpperCase(), text };
    });
}

/** @param {string} text */
export function wordsOf(text) {
  return text.split(/\s+/).filter((word) => word !== '');
}
