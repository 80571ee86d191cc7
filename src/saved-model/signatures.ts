import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

import { fromBinary } from '@bufbuild/protobuf';

import type { DType } from '../kernel/element-types';
import type { Signature, Signatures, TensorSpec } from '../kernel/tensor';
import { walkFields, type RangeReading } from './field-reader';
import { isInternalSignature } from './internal-signatures';
import { readRanges } from './read-ranges';
import {
  DataType,
  MetaGraphDefSchema,
  type MetaGraphDef,
  type TensorInfo,
} from './protobuf/tensorflow_pb';
import { SavedModelError } from './saved-model-error';
import { servedGraph, type ServedGraph } from './served-graph';

/** The types that tensors have on their way. */
const CARRIED: ReadonlyMap<string, DType> = new Map([
  ['DT_FLOAT', 'float32'],
  ['DT_DOUBLE', 'float64'],
  ['DT_HALF', 'float16'],
  ['DT_BFLOAT16', 'bfloat16'],
  ['DT_INT8', 'int8'],
  ['DT_INT16', 'int16'],
  ['DT_INT32', 'int32'],
  ['DT_INT64', 'int64'],
  ['DT_UINT8', 'uint8'],
  ['DT_UINT16', 'uint16'],
  ['DT_UINT32', 'uint32'],
  ['DT_UINT64', 'uint64'],
  ['DT_BOOL', 'bool'],
  ['DT_STRING', 'string'],
  ['DT_COMPLEX64', 'complex64'],
  ['DT_COMPLEX128', 'complex128'],
]);

/** How tensors of a type travel; undefined for one that cannot. */
export function carriedType(type: DataType): DType | undefined {
  return CARRIED.get(DataType[type]);
}

/** Variables of TensorFlow 1 are named by reference; a run answers, and takes, their values. */
const REFERENCE = /_REF$/;

/** A file may hold numbers that this list does not know. */
const TYPE_NAMES: Readonly<Record<number, string | undefined>> = DataType;

/** Field numbers: meta_graphs of SavedModel; meta_info_def, saver_def and signature_def of MetaGraphDef. */
const META_GRAPHS = 2;
const META_INFO = 1;
const SAVER_DEF = 3;
const SIGNATURE_DEF = 5;
const READ_FIELDS = [META_INFO, SAVER_DEF, SIGNATURE_DEF];

/** Without this file TensorFlow loads a SavedModel as if it had no variables, and runs fail. */
const CHECKPOINT = path.join('variables', 'variables.index');

/** Bytes of signatures that are read; real models have a few KB. */
const LARGEST_SIGNATURES = 64 * 1024 * 1024;

const VARIABLE_OPERATIONS = ['VarHandleOp', 'VariableV2', 'Variable'];

export interface SavedModelInfo {
  /** Tags of the graph to load, such as `['serve']`. */
  readonly tags: readonly string[];
  readonly signatures: Signatures;
  /** Whether it restores variables from a checkpoint. */
  readonly hasVariables: boolean;
}

/**
 * Reads the signatures of a SavedModel without its graph, whose weights may have hundreds of MB.
 * @throws SavedModelError when saved_model.pb is missing, unreadable or holds no graph tagged `serve`, or
 *   when the checkpoint is missing that it restores its variables from
 */
export async function readSignatures(directory: string): Promise<SavedModelInfo> {
  const file = fileOf(directory);
  try {
    return withCheckpoint(directory, await readRanges(file, readInfo));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** As `readSignatures`, for a process that serves nothing meanwhile. */
export function readSignaturesSync(directory: string): SavedModelInfo {
  const file = fileOf(directory);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const reading = readInfo(fstatSync(descriptor).size);
    let step = reading.next();
    while (step.done !== true) {
      const bytes = new Uint8Array(step.value.length);
      const bytesRead = readSync(descriptor, bytes, 0, bytes.length, step.value.at);
      step = reading.next(bytes.subarray(0, bytesRead));
    }
    return withCheckpoint(directory, step.value);
  } catch (cause) {
    throw unreadable(file, cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function fileOf(directory: string): string {
  return path.join(directory, 'saved_model.pb');
}

function withCheckpoint(directory: string, info: SavedModelInfo): SavedModelInfo {
  if (!info.hasVariables || existsSync(path.join(directory, CHECKPOINT))) return info;
  throw new SavedModelError(
    `restores variables, and there is no ${CHECKPOINT} beside it: copy the whole folder of the SavedModel, variables/ included`,
  );
}

function unreadable(file: string, cause: unknown): SavedModelError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (!(cause instanceof SavedModelError)) {
    return new SavedModelError(`${file} cannot be read: ${reason}`, { cause });
  }
  return new SavedModelError(`${file} ${reason}`, { cause });
}

function* readInfo(size: number): RangeReading<SavedModelInfo> {
  const graphs: ServedGraph[] = [];
  yield* walkFields(0, size, function* (field) {
    if (field.number === META_GRAPHS) graphs.push(yield* readMetaGraph(field.start, field.end));
  });
  const { meta, tags } = servedGraph(graphs);
  const served = Object.entries(meta.signatureDef).filter(([name]) => !isInternalSignature(name));
  if (served.length === 0) throw new SavedModelError('has no signature to serve');
  // Own properties all, whatever they are called: `__proto__` too.
  const signatures = Object.fromEntries(
    served.map(([name, { inputs, outputs, methodName }]): [string, Signature] => [
      name,
      { inputs: tensorSpecs(inputs), outputs: tensorSpecs(outputs), methodName },
    ]),
  );
  return { tags, signatures, hasVariables: restoresVariables(meta) };
}

/** Every model of TensorFlow 2 names a restore operation; those without variables have nothing for it to do. */
function restoresVariables({ saverDef, metaInfoDef }: MetaGraphDef): boolean {
  const operations = metaInfoDef?.strippedOpList?.op.map(({ name }) => name);
  const makesVariables = operations?.some((name) => VARIABLE_OPERATIONS.includes(name)) ?? true;
  return makesVariables && (saverDef?.restoreOpName ?? '') !== '';
}

/** The graph itself, its collections and its objects are left out. */
function* readMetaGraph(from: number, to: number): RangeReading<ServedGraph> {
  const parts: Uint8Array[] = [];
  let total = 0;
  yield* walkFields(from, to, function* ({ number, at, length }) {
    if (!READ_FIELDS.includes(number)) return;
    total += length;
    if (total > LARGEST_SIGNATURES) {
      throw new SavedModelError(`has signatures of more than ${LARGEST_SIGNATURES} bytes`);
    }
    parts.push(yield { at, length });
  });
  try {
    const meta = fromBinary(MetaGraphDefSchema, Buffer.concat(parts));
    return { meta, tags: meta.metaInfoDef?.tags ?? [] };
  } catch (cause) {
    throw new SavedModelError('is not a SavedModel: the protobuf cannot be read', { cause });
  }
}

function tensorSpecs(tensors: Readonly<Record<string, TensorInfo>>): TensorSpec[] {
  return Object.entries(tensors)
    .map(([name, info]) => {
      const named = TYPE_NAMES[info.dtype] ?? `type ${String(info.dtype)}`;
      const tfDtype = named.replace(REFERENCE, '');
      const { tensorShape: shape, encoding } = info;
      return {
        name,
        tfDtype,
        dtype: encoding.case === 'name' ? CARRIED.get(tfDtype) : undefined,
        shape:
          shape === undefined || shape.unknownRank
            ? undefined
            : shape.dim.map(({ size }) => Number(size)),
        node: encoding.case === 'name' ? encoding.value : '',
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
