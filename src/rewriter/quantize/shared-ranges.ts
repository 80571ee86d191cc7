import type { CarriedTensors } from './carried-operations';
import { unionOf, type Range } from './quantization';

/**
 * Ranges of tensors such that operations which only move values have one on both sides: tensors that are
 * joined share the widest.
 */
export function sharedRanges(
  carried: CarriedTensors,
  ranges: ReadonlyMap<string, Range>,
): (tensor: string) => Range | undefined {
  const parents = new Map<string, string>();
  const rootOf = (tensor: string): string => {
    let root = tensor;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    return root;
  };
  for (const [name, inputs] of carried) {
    for (const input of inputs) {
      const [a, b] = [rootOf(name), rootOf(input)];
      if (a !== b) parents.set(a, b);
    }
  }
  const members = new Map<string, Range[]>();
  for (const [tensor, range] of ranges) {
    const root = rootOf(tensor);
    const group = members.get(root);
    if (group === undefined) members.set(root, [range]);
    else group.push(range);
  }
  const shared = new Map([...members].map(([root, group]) => [root, unionOf(group)]));
  return (tensor) => shared.get(rootOf(tensor));
}
