import { serverModule } from './server-code';

const MAP = 256;
const PHOTO = { width: 640, height: 480 };

/**
 * What follows the run of a segmentation model of one class: from its 256 × 256 probabilities of a disc
 * to a segment with its mask as PNG, for a photo of 640 × 480.
 */
export function maskStage(): () => Promise<unknown> {
  const { segment } = serverModule<typeof import('../src/tasks/image-segmentation/segment')>(
    'tasks/image-segmentation/segment',
  );
  const { maskPng } = serverModule<typeof import('../src/tasks/image-segmentation/pictures')>(
    'tasks/image-segmentation/pictures',
  );
  const { inSlices } =
    serverModule<typeof import('../src/kernel/time-slices')>('kernel/time-slices');
  const { placeInTarget } =
    serverModule<typeof import('../src/imaging/geometry')>('imaging/geometry');
  const fed = { width: MAP, height: MAP };
  const picture = { placement: placeInTarget(PHOTO, fed, 'fill', 1), fed, original: PHOTO };
  const data = Float32Array.from({ length: MAP * MAP }, (_, at) => {
    const distance = Math.hypot((at % MAP) - MAP / 2, Math.floor(at / MAP) - MAP / 2);
    return 1 / (1 + Math.exp((distance - MAP / 3) / 6));
  });
  const output = { name: 'mask', dtype: 'float32', shape: [1, MAP, MAP, 1], data } as const;
  const settings = {
    mask: 'mask',
    kind: 'probability',
    activation: 'none',
    layout: 'NHWC',
    threshold: 0.5,
    background: undefined,
  } as const;
  return async () => {
    const segmentation = await inSlices(segment(output, picture, settings));
    return (await maskPng(segmentation, 0)).toString('base64');
  };
}
