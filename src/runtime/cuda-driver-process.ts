/** The process that asks NVIDIA's driver whether CUDA can be used, and ends. */
import { system } from './system';

process.stdout.write(JSON.stringify(system().cudaDriver()));
