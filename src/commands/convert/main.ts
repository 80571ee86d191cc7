/** `tfjs-serving convert`: a version of a model in a reduced precision, with a report of what it costs. */
import { runCommand } from '../run-command';
import { convertCommand } from './command';
import { convertModel } from './convert';

void runCommand(convertCommand, convertModel);
