import { joinByteStrings } from '../kernel/byte-strings';
import { ServingError } from '../kernel/errors';
import type { Tensor } from '../kernel/tensor';
import type { ImageTensor } from '../imaging/preprocess';
import type { Servable } from '../models/servable';
import { feedValues } from '../tasks/inputs/feed-values';
import type { EncodedInputSpec, ImageInputSpec, SideImage } from '../tasks/inputs/model-inputs';
import type { TaskRun } from '../tasks/task';
import type { ImagePreparer, TileTensor } from './image-preparer';
import type { RowInputs } from './row-inputs';

export type RowPreparer = Pick<ImagePreparer, 'prepare' | 'prepareFile' | 'plain'>;

/** What one run of one row is fed. */
export interface FedRow {
  /** Of the upload. */
  readonly tensor: ImageTensor;
  readonly inputs: readonly Tensor[];
  /** Run or failed, nothing may look at the inputs again. */
  readonly release: () => void;
}

/** Of a row without an upload: nothing is fed as a picture. */
const NO_PICTURE: ImageTensor = {
  data: new Uint8Array(),
  shape: [],
  width: 0,
  height: 0,
  validWidth: 0,
  validHeight: 0,
  source: { format: 'png', width: 0, height: 0 },
  placement: {
    region: { left: 0, top: 0, width: 0, height: 0 },
    resized: { width: 0, height: 0 },
    padding: { left: 0, top: 0, right: 0, bottom: 0 },
  },
};

/**
 * Decodes what a row has of pictures and makes tensors of the rest.
 * @param more undefined where the upload is all
 * @throws ServingError those of decoding
 */
export async function feedRow(
  servable: Pick<Servable, 'name' | 'spec'>,
  run: TaskRun,
  image: Uint8Array,
  more: RowInputs | undefined,
  signal: AbortSignal | undefined,
  preparer: RowPreparer,
): Promise<FedRow> {
  const { encoded, more: others } = servable.spec.inputs;
  const upload =
    encoded === undefined
      ? run.image === undefined
        ? { tensor: NO_PICTURE, inputs: [], release: () => undefined }
        : await feedPixels(servable, image, run.image, signal, preparer)
      : await feedFile(servable, image, encoded, signal, preparer);
  if (more === undefined || others.length === 0) return upload;
  const releases = [upload.release];
  const release = (): void => {
    for (const one of releases.splice(0)) one();
  };
  try {
    const inputs = [...upload.inputs];
    for (const [side, source] of more.pictures) {
      const fed = await feedSide(servable, side, source, upload.tensor, signal, preparer);
      releases.push(fed.release);
      inputs.push(...fed.inputs);
    }
    inputs.push(...feedValues(servable.spec.inputs, more.values, more.seed ?? 0));
    return { tensor: upload.tensor, inputs, release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

async function feedPixels(
  servable: Pick<Servable, 'name' | 'spec'>,
  image: Uint8Array,
  spec: ImageInputSpec,
  signal: AbortSignal | undefined,
  preparer: RowPreparer,
): Promise<FedRow> {
  const { tensor, release } = await preparer.prepare(servable, image, signal, spec);
  return { tensor, inputs: [inputOf(tensor, spec)], release };
}

/** What the run of a tile is fed: the same values as every other tile of its image. */
export function feedTile(
  { spec: { inputs } }: Pick<Servable, 'spec'>,
  tile: TileTensor,
  image: ImageInputSpec,
  more: RowInputs | undefined,
): readonly Tensor[] {
  const others = more === undefined ? [] : feedValues(inputs, more.values, more.seed ?? 0);
  return [inputOf(tile, image), ...others];
}

function inputOf({ shape, data }: TileTensor, { inputName: name, dtype }: ImageInputSpec): Tensor {
  return { name, dtype, shape: [1, ...shape], data };
}

async function feedFile(
  servable: Pick<Servable, 'name' | 'spec'>,
  image: Uint8Array,
  { inputName: name, shape, formats }: EncodedInputSpec,
  signal: AbortSignal | undefined,
  preparer: RowPreparer,
): Promise<FedRow> {
  const { tensor, bytes, release } = await preparer.prepareFile(servable, image, signal, formats);
  const input: Tensor = { name, dtype: 'string', shape, data: joinByteStrings([bytes]) };
  return { tensor, inputs: [input], release };
}

/** A picture besides the upload, or the plain one that stands for it: of the size of the upload where it is open. */
async function feedSide(
  servable: Pick<Servable, 'name' | 'spec'>,
  { role, spec, fallback = '#000000' }: SideImage,
  source: Uint8Array | ServingError | undefined,
  upload: ImageTensor,
  signal: AbortSignal | undefined,
  preparer: RowPreparer,
): Promise<FedRow> {
  if (source instanceof ServingError) throw ofRole(role, source);
  if (source === undefined) {
    const tensor = await preparer.plain(spec, fallback, upload);
    return { tensor, inputs: [inputOf(tensor, spec)], release: () => undefined };
  }
  try {
    return await feedPixels(servable, source, spec, signal, preparer);
  } catch (thrown) {
    throw thrown instanceof ServingError ? ofRole(role, thrown) : thrown;
  }
}

/** The same error, which says what it is about. */
function ofRole(role: string, error: ServingError): ServingError {
  return new ServingError(error.code, `"${role}": ${error.message}`, {
    cause: error,
    ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
  });
}
