/**
 * What `tfjs-serving` can be asked for. Programs are paths of the build; what they need is set up
 * before they start, but not to print their help.
 * @typedef {{
 *   summary: string,
 *   program?: string,
 *   args?: readonly string[],
 *   needs: readonly ('runtime' | 'tensorflow.js')[],
 *   remoteBy?: string,
 * }} Command args: before those of the user; needs `runtime`: TensorFlow's libraries and the binding;
 *   remoteBy: the option with which it runs no model itself
 */

/** @type {Readonly<Record<string, Command>>} */
const COMMANDS = {
  serve: {
    summary: 'Serve the models of a repository (the default)',
    program: 'main.js',
    needs: ['runtime'],
  },
  setup: {
    summary: 'Install what is missing: the TensorFlow libraries and the binding to them',
    needs: [],
  },
  doctor: {
    summary: 'Show what would be used, and what is wrong with it',
    program: 'commands/doctor.js',
    needs: ['runtime'],
  },
  score: {
    summary: 'Score folders of images, with a row for each image',
    program: 'commands/score/main.js',
    needs: ['runtime'],
    remoteBy: '--server',
  },
  report: {
    summary: 'Make a page from scored rows',
    program: 'commands/score/main.js',
    args: ['report'],
    needs: [],
  },
  merge: {
    summary: 'Join the rows of several runs of score',
    program: 'commands/score/main.js',
    args: ['merge'],
    needs: [],
  },
  tune: {
    summary: 'Find the fastest settings of a model on this machine',
    program: 'commands/tune/main.js',
    needs: ['runtime'],
  },
  convert: {
    summary: 'Convert a model to a reduced precision',
    program: 'commands/convert/main.js',
    needs: ['runtime'],
  },
  import: {
    summary: 'Make a SavedModel of a TensorFlow.js model',
    program: 'commands/import/main.js',
    needs: ['runtime', 'tensorflow.js'],
  },
};

const HELP = `Usage: tfjs-serving [command] [options]

Serve TensorFlow SavedModels to images.

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  .join('\n')}

tfjs-serving COMMAND --help shows the options of a command, with examples.
tfjs-serving --version prints the version.

Examples:
  # Serve ./saved_models or ./models, or else the models of this package
  tfjs-serving

  # Serve another folder on another port
  tfjs-serving serve --model-repository /data/models --port 9000

  # Look at the machine and the models
  tfjs-serving doctor --model-repository /data/models
`;

/**
 * The edits that make one word of another: letters added, left out or replaced.
 * @param {string} from
 * @param {string} to
 */
function distance(from, to) {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [at, letter] of [...from].entries()) {
    const next = [at + 1];
    for (const [index, other] of [...to].entries()) {
      const replaced = (row[index] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/**
 * What to say about a command that does not exist.
 * @param {string} name
 */
function unknownCommand(name) {
  const names = Object.keys(COMMANDS);
  const nearest = names.reduce((best, one) =>
    distance(name, one) < distance(name, best) ? one : best,
  );
  // A word with more than half of its letters wrong is not a slip of the fingers.
  const meant = distance(name, nearest) <= nearest.length / 2 ? ` Did you mean "${nearest}"?` : '';
  return `Unknown command "${name}".${meant}\nCommands: ${names.join(', ')}. tfjs-serving --help says more.`;
}

module.exports = { COMMANDS, HELP, unknownCommand };
