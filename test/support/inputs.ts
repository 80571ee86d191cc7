import { NO_INPUTS, type ModelInputs } from '../../src/tasks/inputs/model-inputs';

/** Of a model that takes a picture and nothing else. */
export const A_PHOTO: ModelInputs = {
  ...NO_INPUTS,
  image: {
    inputName: 'x',
    size: { kind: 'fixed', width: 224, height: 224 },
    fit: 'cover',
    padColor: '#000000',
    shrinkOnLoad: true,
    kernel: 'cubic',
    cropFraction: 1,
    colorOrder: 'rgb',
    layout: 'NHWC',
    dtype: 'float32',
    normalization: 'zero-to-one',
  },
};
