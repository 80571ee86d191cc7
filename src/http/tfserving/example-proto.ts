/** tensorflow.Feature: values of one kind. */
export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: readonly number[] }
  | { readonly kind: 'int64'; readonly values: readonly bigint[] };

const WIRE_LENGTH = 2;
/** Field numbers of tensorflow/core/example/feature.proto. */
const FEATURE_FIELD = { bytes: 1, float: 2, int64: 3 } as const;

/**
 * Serialises a tensorflow.Example: the message that parse_example reads, as
 * tensorflow/core/example/{example,feature}.proto define it.
 */
export function encodeExample(features: ReadonlyMap<string, Feature>): Uint8Array {
  const entries = [...features].map(([name, feature]) =>
    field(
      1,
      Buffer.concat([field(1, Buffer.from(name, 'utf8')), field(2, encodeFeature(feature))]),
    ),
  );
  return field(1, Buffer.concat(entries));
}

function encodeFeature(feature: Feature): Buffer {
  return field(FEATURE_FIELD[feature.kind], encodeValues(feature));
}

function encodeValues(feature: Feature): Buffer {
  switch (feature.kind) {
    case 'bytes':
      return Buffer.concat(feature.values.map((value) => field(1, value)));
    case 'float': {
      const packed = Buffer.alloc(feature.values.length * 4);
      for (const [index, value] of feature.values.entries()) packed.writeFloatLE(value, index * 4);
      return field(1, packed);
    }
    case 'int64':
      return field(
        1,
        Buffer.concat(feature.values.map((value) => varint(BigInt.asUintN(64, value)))),
      );
  }
}

/** A field of the length-delimited wire type. */
function field(number: number, value: Uint8Array): Buffer {
  const tag = varint(BigInt((number << 3) | WIRE_LENGTH));
  return Buffer.concat([tag, varint(BigInt(value.length)), value]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}
