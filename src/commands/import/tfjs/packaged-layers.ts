import * as tf from '@tensorflow/tfjs';

/** Factor of the residual branches of UpscalerJS's ESRGAN models. */
export const RESIDUAL_FACTOR = 0.2;
export const PIXEL_SHUFFLE = /^PixelShuffle(\d+)x$/;
const SCALES = [2, 3, 4, 8];

type Inputs = tf.Tensor | tf.Tensor[];

class MultiplyBeta extends tf.layers.Layer {
  static readonly className = 'MultiplyBeta';

  override call(inputs: Inputs): tf.Tensor {
    return tf.mul(only(inputs), RESIDUAL_FACTOR);
  }
}

function pixelShuffle(scale: number): new () => tf.layers.Layer {
  return class extends tf.layers.Layer {
    static readonly className = `PixelShuffle${scale}x`;

    constructor() {
      super({});
    }

    override computeOutputShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
      const [batch = null, height = null, width = null, channels = null] = shape as tf.Shape;
      const enlarged = (side: number | null): number | null =>
        side === null ? null : side * scale;
      return [
        batch,
        enlarged(height),
        enlarged(width),
        channels === null ? null : channels / scale ** 2,
      ];
    }

    override call(inputs: Inputs): tf.Tensor {
      return tf.depthToSpace(only(inputs) as tf.Tensor4D, scale, 'NHWC');
    }
  };
}

/** Layers that widespread packages define in their code: those of UpscalerJS. */
export function registerPackagedLayers(): void {
  for (const layer of [MultiplyBeta, ...SCALES.map(pixelShuffle)]) {
    // TensorFlow.js's type asks for a constructor that no layer has.
    tf.serialization.registerClass(layer as never);
  }
}

function only(inputs: Inputs): tf.Tensor {
  const first = Array.isArray(inputs) ? inputs[0] : inputs;
  if (first === undefined) throw new RangeError('a layer has an input');
  return first;
}
