import { isTensorFlowKernel } from '../../imaging/preprocess-spec';
import { formatShape, type TensorSpec } from '../../kernel/tensor';
import { channelsOf } from '../image-shape';
import type { Notes } from '../task';
import type { ImageSettings } from './image-config';
import type { ImageInputSpec } from './model-inputs';

const DYNAMIC_DEFAULTS = { minSize: 1, maxSize: 2048, multipleOf: 1 };

/** Settings of one picture, and where they stand. */
export interface ImageSource {
  readonly settings: Omit<ImageSettings, 'default'>;
  /** Below model.json, such as `input` or `inputs.style.image`. */
  readonly place: string;
}

/**
 * How pictures become an input; what model.json leaves open is filled in.
 * @returns undefined when they cannot, which has been noted as a problem
 */
export function resolveImage(
  { settings, place }: ImageSource,
  spec: TensorSpec,
  notes: Notes,
): ImageInputSpec | undefined {
  const { dtype, shape } = spec;
  if (dtype !== 'float32' && dtype !== 'uint8' && dtype !== 'int32') {
    notes.problem(
      `input "${spec.name}" is ${spec.tfDtype}; images become DT_FLOAT, DT_UINT8 or DT_INT32`,
    );
    return undefined;
  }
  if (shape !== undefined && shape.length !== 4) {
    notes.problem(
      `input "${spec.name}" has shape ${formatShape(shape)}; an image batch has 4 dimensions`,
    );
    return undefined;
  }
  const layout = settings.layout ?? channelsOf(shape)?.layout ?? 'NHWC';
  const [heightAt, widthAt, channelsAt] = layout === 'NHWC' ? [1, 2, 3] : [2, 3, 1];
  const channelCount = shape?.[channelsAt] ?? -1;
  const colorOrder = settings.colorOrder ?? (channelCount === 1 ? 'grayscale' : 'rgb');
  const channels = colorOrder === 'grayscale' ? 1 : 3;
  if (channelCount > 0 && channelCount !== channels) {
    notes.problem(
      `model.json.${place}: ${colorOrder} in ${layout} gives ${channels} channels, and input "${spec.name}" has shape ${formatShape(shape)}`,
    );
  }
  if (
    typeof settings.normalization === 'object' &&
    ![1, channels].includes(settings.normalization.mean.length)
  ) {
    notes.problem(`model.json.${place}.normalization: mean and std need 1 or ${channels} values`);
  }
  const normalization = settings.normalization ?? (dtype === 'float32' ? 'zero-to-one' : 'none');
  if (settings.normalization === undefined && dtype === 'float32') {
    notes.assumption(`${place}.normalization: zero-to-one (pixel values divided by 255)`);
  }
  if (dtype === 'uint8' && normalization !== 'none') {
    notes.problem(
      `model.json.${place}.normalization: input "${spec.name}" is DT_UINT8 and takes pixels as they are ("none")`,
    );
  }
  const kernel = settings.kernel ?? 'cubic';
  const wholeDecode = isTensorFlowKernel(kernel);
  if (wholeDecode && settings.shrinkOnLoad === true) {
    notes.problem(
      `model.json.${place}.shrinkOnLoad: ${kernel} looks at the pixels of the whole picture: leave it out, or choose another kernel`,
    );
  }
  const own = { width: shape?.[widthAt] ?? -1, height: shape?.[heightAt] ?? -1 };
  return {
    inputName: spec.name,
    size: resolveSize({ settings, place }, spec, own, notes),
    fit: settings.fit ?? 'cover',
    padColor: settings.padColor ?? '#000000',
    shrinkOnLoad: settings.shrinkOnLoad ?? !wholeDecode,
    kernel,
    cropFraction: settings.cropFraction ?? 1,
    colorOrder,
    layout,
    dtype,
    normalization,
  };
}

function resolveSize(
  { settings, place }: ImageSource,
  spec: TensorSpec,
  own: { readonly width: number; readonly height: number },
  notes: Notes,
): ImageInputSpec['size'] {
  for (const key of ['width', 'height'] as const) {
    const wanted = settings[key];
    const fixed = own[key];
    if (wanted !== undefined && fixed > 0 && wanted !== fixed) {
      notes.problem(
        `model.json.${place}.${key}: ${wanted}, and input "${spec.name}" has shape ${formatShape(spec.shape)}`,
      );
    }
  }
  const width = settings.width ?? (own.width > 0 ? own.width : undefined);
  const height = settings.height ?? (own.height > 0 ? own.height : undefined);
  if (settings.dynamic !== undefined) {
    if (width !== undefined || height !== undefined) {
      notes.problem(
        `model.json.${place}.dynamic: the size is fixed${(settings.width ?? settings.height) ? ' by width or height' : ` in the signature, ${formatShape(spec.shape)}`}`,
      );
    }
    return { kind: 'dynamic', ...settings.dynamic };
  }
  if (width !== undefined && height !== undefined) return { kind: 'fixed', width, height };
  if (width !== undefined || height !== undefined) {
    notes.problem(`model.json.${place}: give both width and height, or neither`);
  }
  notes.assumption(
    `${place} size: any from ${DYNAMIC_DEFAULTS.minSize} to ${DYNAMIC_DEFAULTS.maxSize} pixels a side, as the signature has ${formatShape(spec.shape)}`,
  );
  return { kind: 'dynamic', ...DYNAMIC_DEFAULTS };
}
