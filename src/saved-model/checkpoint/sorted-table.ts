import { maskedCrc32c } from './crc32c';

export interface TableEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Where a block lies in the file, without its trailer. */
interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

const NOT_COMPRESSED = Uint8Array.of(0);
/** Two handles of up to 20 bytes each stand before the magic number. */
const HANDLES_BYTES = 40;
const MAGIC = 0xdb4775248b80fb57n;

/**
 * A table as LevelDB and TensorFlow's checkpoints have it: blocks of keys and values in order, then an
 * index of the blocks. All entries go into one block, each with its whole key, as there are few.
 * @see https://github.com/google/leveldb/blob/main/doc/table_format.md
 */
export function sortedTable(entries: readonly TableEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const add = (block: Buffer): BlockHandle => {
    const handle = { offset, size: block.length };
    const trailer = Buffer.concat([NOT_COMPRESSED, fixed32(maskedCrc32c(block, NOT_COMPRESSED))]);
    parts.push(block, trailer);
    offset += block.length + trailer.length;
    return handle;
  };
  const sorted = [...entries].sort((a, b) =>
    Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
  );
  const data = add(block(sorted));
  const metaIndex = add(block([]));
  // The key of a block in the index: none in the block is larger.
  const index = add(block([{ key: sorted.at(-1)?.key ?? '', value: encoded(data) }]));
  const handles = Buffer.concat([encoded(metaIndex), encoded(index)]);
  const footer = Buffer.alloc(HANDLES_BYTES + 8);
  handles.copy(footer);
  footer.writeBigUInt64LE(MAGIC, HANDLES_BYTES);
  return Buffer.concat([...parts, footer]);
}

/** Entries, then the offsets at which a reader may start, then their number. */
function block(entries: readonly TableEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const starts: number[] = [];
  let offset = 0;
  for (const { key, value } of entries) {
    starts.push(offset);
    const name = Buffer.from(key);
    // Nothing of the key is shared with the one before.
    const entry = Buffer.concat([
      varint(0),
      varint(name.length),
      varint(value.length),
      name,
      value,
    ]);
    parts.push(entry);
    offset += entry.length;
  }
  if (starts.length === 0) starts.push(0);
  return Buffer.concat([...parts, ...starts.map(fixed32), fixed32(starts.length)]);
}

function encoded({ offset, size }: BlockHandle): Buffer {
  return Buffer.concat([varint(offset), varint(size)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function fixed32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
