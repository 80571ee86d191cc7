import { readFileSync } from 'node:fs';
import path from 'node:path';

import type { DType, Signature, Signatures, TensorSpec } from '../tensor';

/** The part of TensorFlow.js's generated protobuf classes that is used here. */
interface TensorInfoMessage {
  getDtype(): number;
  getName(): string;
  getTensorShape():
    { getDimList(): { getSize(): number }[]; getUnknownRank(): boolean } | undefined;
}
interface MessageMap<T> {
  keys(): Iterator<string>;
  get(key: string): T | undefined;
}
interface SignatureMessage {
  getInputsMap(): MessageMap<TensorInfoMessage>;
  getOutputsMap(): MessageMap<TensorInfoMessage>;
  getMethodName(): string;
}
interface MetaGraphMessage {
  getMetaInfoDef(): { getTagsList(): string[] } | undefined;
  getSignatureDefMap(): MessageMap<SignatureMessage>;
}
interface ApiMessages {
  readonly DataType: Readonly<Record<string, number>>;
  readonly SavedModel: {
    deserializeBinary(bytes: Uint8Array): { getMetaGraphsList(): MetaGraphMessage[] };
  };
}

const CARRIED: Readonly<Record<string, DType>> = {
  DT_FLOAT: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_UINT8: 'uint8',
  DT_BOOL: 'bool',
  DT_STRING: 'string',
  DT_COMPLEX64: 'complex64',
};

/** Signatures TensorFlow keeps for itself: initialisation and training bookkeeping. */
const INTERNAL_SIGNATURE = /^__/;

export interface SavedModelInfo {
  /** Tags of the graph to load, such as `['serve']`. */
  readonly tags: readonly string[];
  readonly signatures: Signatures;
}

/**
 * Reads the signatures of a SavedModel without loading TensorFlow's native library.
 * @throws Error when saved_model.pb is missing, unreadable or holds no graph tagged `serve`
 */
export function readSavedModel(directory: string): SavedModelInfo {
  const file = path.join(directory, 'saved_model.pb');
  const bytes = readFileSync(file);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- generated CommonJS without types
  const messages = require('@tensorflow/tfjs-node-gpu/dist/proto/api_pb') as ApiMessages;
  let metaGraphs: MetaGraphMessage[];
  try {
    metaGraphs = messages.SavedModel.deserializeBinary(new Uint8Array(bytes)).getMetaGraphsList();
  } catch (cause) {
    throw new Error(`${file} is not a SavedModel: the protobuf cannot be read`, { cause });
  }
  const graph = metaGraphs
    .map((meta) => ({ meta, tags: meta.getMetaInfoDef()?.getTagsList() ?? [] }))
    .filter(({ tags }) => tags.includes('serve'))
    .sort((a, b) => a.tags.length - b.tags.length)[0];
  if (graph === undefined) {
    throw new Error(`${file} holds no graph tagged "serve"`);
  }
  const nameOfType = new Map(Object.entries(messages.DataType).map(([name, id]) => [id, name]));
  const signatures: Record<string, Signature> = {};
  const definitions = graph.meta.getSignatureDefMap();
  for (const [name, definition] of entries(definitions)) {
    if (INTERNAL_SIGNATURE.test(name)) continue;
    signatures[name] = {
      inputs: tensorSpecs(definition.getInputsMap(), nameOfType),
      outputs: tensorSpecs(definition.getOutputsMap(), nameOfType),
      methodName: definition.getMethodName(),
    };
  }
  if (Object.keys(signatures).length === 0) {
    throw new Error(`${file} has no signature to serve`);
  }
  return { tags: graph.tags, signatures };
}

function* entries<T>(map: MessageMap<T>): Generator<[string, T]> {
  const keys = map.keys();
  for (let next = keys.next(); next.done !== true; next = keys.next()) {
    const value = map.get(next.value);
    if (value !== undefined) yield [next.value, value];
  }
}

function tensorSpecs(
  map: MessageMap<TensorInfoMessage>,
  nameOfType: ReadonlyMap<number, string>,
): TensorSpec[] {
  return [...entries(map)]
    .map(([name, info]) => {
      const tfDtype = nameOfType.get(info.getDtype()) ?? `type ${info.getDtype()}`;
      const shape = info.getTensorShape();
      return {
        name,
        tfDtype,
        dtype: CARRIED[tfDtype],
        shape:
          shape === undefined || shape.getUnknownRank()
            ? undefined
            : shape.getDimList().map((dimension) => dimension.getSize()),
        node: info.getName(),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
