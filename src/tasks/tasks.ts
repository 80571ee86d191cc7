import { imageClassification } from './image-classification/task';
import { imageFeatureExtraction } from './image-feature-extraction/task';
import { imageGeneration } from './image-generation/task';
import { imageSegmentation } from './image-segmentation/task';
import { imageToImage } from './image-to-image/task';
import { objectDetection } from './object-detection/task';
import { textGeneration } from './text-generation/task';
import type { AnyTask } from './task';

/** Of models that are only asked for tensors. */
export const TENSOR = 'tensor';

/** Every task with an address of its own; the first that recognises a model has it. */
export const TASKS: readonly AnyTask[] = [
  objectDetection,
  imageSegmentation,
  imageFeatureExtraction,
  imageClassification,
  imageToImage,
  imageGeneration,
  textGeneration,
];
