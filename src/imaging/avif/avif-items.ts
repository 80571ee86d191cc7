import { boxContent, boxesOf, fullBox, type Box } from './boxes';

/** Things of each kind in a file at most: a grid of pictures has hundreds. */
const MAX_ENTRIES = 4096;

/** A coded picture of a file: the main one or, where that is put together from a grid, its first tile. */
export interface AvifPicture {
  /** Boxes that describe it and, in a grid, the grid. */
  readonly properties: readonly Box[];
  /** Its AV1 data, or the first piece of them; empty where they cannot be found. */
  readonly data: Buffer;
}

/** @returns undefined where the file names no main picture, as a mere film does not */
export function mainPicture(file: Buffer): AvifPicture | undefined {
  const meta = boxContent(file, 'meta')?.subarray(4);
  const primary = fullBox(meta && boxContent(meta, 'pitm'));
  if (meta === undefined || primary === undefined) return undefined;
  const item = primary.fields.number(primary.version === 0 ? 2 : 4);
  const tile = firstTileOf(meta, item);
  const properties = boxContent(meta, 'iprp') ?? Buffer.alloc(0);
  const items = tile === undefined ? [item] : [item, tile];
  return {
    properties: items.flatMap((id) => propertiesOf(properties, id)),
    data: dataOf(file, meta, tile ?? item),
  };
}

/** The first picture that another is derived from. */
function firstTileOf(meta: Buffer, item: number): number | undefined {
  const references = fullBox(boxContent(meta, 'iref'));
  if (references === undefined) return undefined;
  const idBytes = references.version === 0 ? 2 : 4;
  const content = boxContent(meta, 'iref') ?? Buffer.alloc(0);
  for (const box of boxesOf(content.subarray(4))) {
    if (box.type !== 'dimg' || box.content.length < 2 * idBytes + 2) continue;
    if (box.content.readUIntBE(0, idBytes) === item) {
      return box.content.readUIntBE(idBytes + 2, idBytes);
    }
  }
  return undefined;
}

function propertiesOf(iprp: Buffer, item: number): Box[] {
  const all = [...boxesOf(boxContent(iprp, 'ipco') ?? Buffer.alloc(0))];
  const found: Box[] = [];
  for (const box of boxesOf(iprp)) {
    const associations = box.type === 'ipma' ? fullBox(box.content) : undefined;
    if (associations === undefined) continue;
    const { version, flags, fields } = associations;
    const wide = (flags & 1) === 1;
    const count = Math.min(fields.number(4), MAX_ENTRIES);
    for (let entry = 0; entry < count && !fields.hasEnded(); entry++) {
      const id = fields.number(version === 0 ? 2 : 4);
      const associated = fields.number(1);
      for (let i = 0; i < associated; i++) {
        const index = fields.number(wide ? 2 : 1) & (wide ? 0x7fff : 0x7f);
        const property = all[index - 1];
        if (id === item && property !== undefined) found.push(property);
      }
    }
  }
  return found;
}

function dataOf(file: Buffer, meta: Buffer, item: number): Buffer {
  const locations = fullBox(boxContent(meta, 'iloc'));
  const none = Buffer.alloc(0);
  if (locations === undefined) return none;
  const { version, fields } = locations;
  const sizes = fields.number(2);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexBytes = version === 0 ? 0 : sizes & 15;
  const count = Math.min(fields.number(version < 2 ? 2 : 4), MAX_ENTRIES);
  for (let entry = 0; entry < count && !fields.hasEnded(); entry++) {
    const id = fields.number(version < 2 ? 2 : 4);
    // Where the offsets count from: the file, or the box idat.
    const method = version === 0 ? 0 : fields.number(2) & 15;
    fields.number(2);
    const base = fields.number(baseBytes);
    const extents = fields.number(2);
    for (let extent = 0; extent < extents && !fields.hasEnded(); extent++) {
      fields.number(indexBytes);
      const start = base + fields.number(offsetBytes);
      const length = fields.number(lengthBytes);
      if (id !== item) continue;
      const from = method === 1 ? (boxContent(meta, 'idat') ?? none) : file;
      return from.subarray(start, length === 0 ? from.length : start + length);
    }
  }
  return none;
}
