/** `tfjs-serving`: what the package exports for programs that serve models themselves. */
export type {
  Classified,
  Detected,
  Embedded,
  Segmented,
  SizedPicture,
} from './client/image-answers';
export { textOf, type Datatype, type Tensor, type TensorInput } from './client/tensors';
export type {
  HookContext,
  HookRequest,
  ImageData,
  ModelHooks,
  PostprocessContext,
} from './inference/model-hooks';
export { ServingError, type ErrorCode } from './kernel/errors';
export type { Tensor as ModelTensor } from './kernel/tensor';
export {
  createServing,
  Serving,
  type Answered,
  type ClassifyOptions,
  type DetectOptions,
  type EmbedOptions,
  type GenerateOptions,
  type ModelSummary,
  type PredictOptions,
  type RunOptions,
  type ServingRouter,
} from './library/serving';
export type { ServingOptions } from './library/serving-options';
