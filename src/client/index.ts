/** `tfjs-serving/client`: what the package exports for those who call a server. */
export type * from './answers';
export { ServingClientError, type LocalErrorCode, type ServerErrorCode } from './client-error';
export type * from './image-answers';
export type { EncodedImage, InputValue, InputValues } from './image-body';
export type * from './client-options';
export { ServingClient } from './serving-client';
export { textOf, type Datatype, type Tensor, type TensorData, type TensorInput } from './tensors';
export type { CallOptions } from './transport';
