import path from 'node:path';

/** Formats that are converted elsewhere, by the ending of the file; each has a section in the document. */
const FORMATS: Readonly<Record<string, string>> = {
  '.keras': 'a Keras model',
  '.h5': 'a Keras model in HDF5',
  '.hdf5': 'a Keras model in HDF5',
  '.onnx': 'an ONNX model',
  '.pt': 'a PyTorch model',
  '.pth': 'a PyTorch model',
  '.tflite': 'a TensorFlow Lite model',
};

/** What to do with a file of another kind; undefined where it may be TensorFlow.js's. */
export function foreignFormat(from: string): string | undefined {
  if (path.basename(from) === 'saved_model.pb') {
    return `${from} is a SavedModel already: copy its folder to NAME/1 in the model repository`;
  }
  const kind = FORMATS[path.extname(from).toLowerCase()];
  return kind === undefined
    ? undefined
    : `${from} is ${kind}, and this command imports TensorFlow.js models: docs/bring-your-model.md says how to make a SavedModel of it`;
}
