import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const GRAPH = 'saved_model.pb';
const VERSION = /^\d{1,15}$/;

/** A model of another format, and the one command that makes a SavedModel of it where there is one. */
interface Format {
  readonly files: RegExp;
  readonly describe: (file: string, target: string) => string;
}

const FORMATS: readonly Format[] = [
  {
    files: /\.(keras|h5|hdf5)$/i,
    describe: (file, target) =>
      `${path.basename(file)} is a Keras model, and a SavedModel is needed: python -c "import keras; keras.models.load_model('${file}').export('${target}')"`,
  },
  {
    files: /\.onnx$/i,
    describe: (file, target) =>
      `${path.basename(file)} is an ONNX model, and a SavedModel is needed: onnx2tf -i ${file} -o ${target} -osd`,
  },
  {
    files: /\.tflite$/i,
    describe: (file, target) =>
      `${path.basename(file)} is a TensorFlow Lite model, which cannot be turned back into a SavedModel: export the model that it was made from, with model.export('${target}')`,
  },
  {
    files: /^saved_model\.pb$/,
    describe: (file, target) =>
      `${GRAPH} is not in a version folder: mkdir -p ${target} && mv ${path.dirname(file)}/{${GRAPH},variables,assets} ${target}/`,
  },
];

/** Whether the text of a model.json is that of a TensorFlow.js model, and not this server's. */
export function isTensorFlowJs(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return (
      typeof value === 'object' &&
      value !== null &&
      ('modelTopology' in value || 'weightsManifest' in value)
    );
  } catch {
    return false;
  }
}

/** What to do with a TensorFlow.js model. @param text of its model.json */
export function describeTensorFlowJs(folder: string, text: string, target: string): string {
  const layers = /"format"\s*:\s*"layers-model"|"class_name"/.test(text);
  const command = layers
    ? `tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras_saved_model ${folder}/model.json ${target}`
    : `tfjs_graph_converter --output_format tf_saved_model ${folder} ${target}`;
  return `model.json is that of a TensorFlow.js model, and a SavedModel is needed: ${command}`;
}

/** What a file is that lies where a model folder is expected; undefined for one that is not a model. */
export function describeFile(file: string): string | undefined {
  const target = path.join(file.replace(/\.\w+$/, ''), '1');
  return FORMATS.find(({ files }) => files.test(path.basename(file)))?.describe(file, target);
}

/** What a model folder without versions holds; undefined where that cannot be told. */
export async function describeFolder(directory: string): Promise<string | undefined> {
  const target = path.join(directory, '1');
  for (const folder of [directory, ...(await versionFolders(directory))]) {
    const names = await namesIn(folder);
    for (const { files, describe } of FORMATS) {
      const name = names.find((candidate) => files.test(candidate));
      if (name !== undefined) return describe(path.join(folder, name), target);
    }
    const text = names.includes('model.json')
      ? await readFile(path.join(folder, 'model.json'), 'utf8').catch(() => '')
      : '';
    if (isTensorFlowJs(text)) return describeTensorFlowJs(folder, text, target);
  }
  const inner = await modelsIn(directory);
  if (inner.length > 0) {
    return `it holds models itself (${inner.slice(0, 3).join(', ')}): start with --model-repository ${directory}`;
  }
  return undefined;
}

/**
 * Why a folder is not a model repository but one model of it, or a version; undefined when it is one.
 * @param hasModels whether anything in it can be served as it is
 */
export async function describeMisplaced(
  repository: string,
  hasModels: boolean,
): Promise<string | undefined> {
  const names = await namesIn(repository);
  if (names.includes(GRAPH)) {
    return `${repository} is a SavedModel, and a folder of models is needed: mkdir -p models/my-model && cp -r ${repository} models/my-model/1, then start with --model-repository models`;
  }
  if (hasModels) return undefined;
  for (const folder of await versionFolders(repository)) {
    if (!(await namesIn(folder)).includes(GRAPH)) continue;
    const { dir, base } = path.parse(repository);
    return `${repository} is a model, and a folder of models is needed: start with --model-repository ${dir} --models ${base}`;
  }
  return undefined;
}

async function versionFolders(directory: string): Promise<string[]> {
  return (await namesIn(directory))
    .filter((name) => VERSION.test(name))
    .map((name) => path.join(directory, name));
}

/** Folders that have a version with a SavedModel. */
async function modelsIn(directory: string): Promise<string[]> {
  const found = await Promise.all(
    (await namesIn(directory)).map(async (name) => {
      for (const version of await versionFolders(path.join(directory, name))) {
        if ((await namesIn(version)).includes(GRAPH)) return [name];
      }
      return [];
    }),
  );
  return found.flat();
}

/** Names in a folder, in order; none where there is no folder. */
async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}
