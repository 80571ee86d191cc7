import {
  NO_INPUTS,
  type ImageInputSpec,
  type ModelInputs,
} from '../../src/tasks/inputs/model-inputs';

const IMAGE: ImageInputSpec = {
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
};

/** Of a model that takes a picture and nothing else. */
export const A_PHOTO: ModelInputs = { ...NO_INPUTS, image: IMAGE };

/** Of a model that needs a style picture besides. */
export const A_PHOTO_AND_A_STYLE: ModelInputs = {
  ...A_PHOTO,
  more: [
    {
      kind: 'image',
      role: 'style',
      inputName: 'style',
      spec: { ...IMAGE, inputName: 'style' },
      fallback: undefined,
    },
  ],
};
