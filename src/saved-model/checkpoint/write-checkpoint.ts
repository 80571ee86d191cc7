import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { create, toBinary } from '@bufbuild/protobuf';

import {
  BundleEntryProtoSchema,
  BundleHeaderProtoSchema,
  BundleHeaderProto_Endianness,
  type TensorProto,
} from '../protobuf/tensorflow_pb';
import { maskedCrc32c } from './crc32c';
import { sortedTable, type TableEntry } from './sorted-table';

/** A value under the name that it is restored by; its bytes are in `tensorContent`. */
export interface NamedTensor {
  readonly name: string;
  readonly value: TensorProto;
}

/**
 * Writes the variables of a SavedModel as TensorFlow's checkpoints have them ("tensor bundle"): one
 * file with all values one after the other, and a table that says where each is.
 * @param directory folder of the SavedModel
 */
export async function writeCheckpoint(
  directory: string,
  tensors: readonly NamedTensor[],
): Promise<void> {
  const folder = path.join(directory, 'variables');
  await mkdir(folder, { recursive: true });
  const header = create(BundleHeaderProtoSchema, {
    numShards: 1,
    endianness: BundleHeaderProto_Endianness.LITTLE,
    version: { producer: 1 },
  });
  const entries: TableEntry[] = [{ key: '', value: toBinary(BundleHeaderProtoSchema, header) }];
  const file = await open(path.join(folder, 'variables.data-00000-of-00001'), 'w');
  try {
    let offset = 0;
    for (const { name, value } of tensors) {
      const bytes = value.tensorContent;
      await file.writeFile(bytes);
      const entry = create(BundleEntryProtoSchema, {
        dtype: value.dtype,
        ...(value.tensorShape === undefined ? {} : { shape: value.tensorShape }),
        offset: BigInt(offset),
        size: BigInt(bytes.length),
        crc32c: maskedCrc32c(bytes),
      });
      entries.push({ key: name, value: toBinary(BundleEntryProtoSchema, entry) });
      offset += bytes.length;
    }
  } finally {
    await file.close();
  }
  await writeFile(path.join(folder, 'variables.index'), sortedTable(entries));
}
