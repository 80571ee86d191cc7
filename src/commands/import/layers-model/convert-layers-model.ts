import type { LayersModel } from '@tensorflow/tfjs';

import type { MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';

export function convertLayersModel(_model: LayersModel): MetaGraphDef {
  throw new ImportError('layers');
}
