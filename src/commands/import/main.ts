/** `npm run import`: a TensorFlow.js model becomes a SavedModel of the repository. */
import { runCommand } from '../run-command';
import { importCommand } from './command';
import { importModel } from './import-model';

void runCommand(importCommand, importModel);
