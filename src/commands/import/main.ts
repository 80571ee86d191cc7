/** `tfjs-serving import`: a TensorFlow.js model becomes a SavedModel of the repository. */
import { runCommand } from '../run-command';
import { importCommand } from './command';
import { importModel } from './import-model';
import { useCachedTensorflowJs } from './tensorflow-js-folder';

useCachedTensorflowJs(process.env);
void runCommand(importCommand, importModel);
