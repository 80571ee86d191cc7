import { clone, create } from '@bufbuild/protobuf';

import { NotRewritableError } from '../not-rewritable';
import { NodeDefSchema, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { isControl, nodeOf } from './references';
import type { Attributes } from './attributes';

/** The nodes of a graph outside its functions, by name. */
export class FlatGraph {
  readonly #nodes = new Map<string, NodeDef>();

  /** Copies the nodes: passes change them. */
  constructor(nodes: Iterable<NodeDef>) {
    for (const node of nodes) this.#nodes.set(node.name, clone(NodeDefSchema, node));
  }

  get size(): number {
    return this.#nodes.size;
  }

  nodes(): IterableIterator<NodeDef> {
    return this.#nodes.values();
  }

  find(name: string): NodeDef | undefined {
    return this.#nodes.get(name);
  }

  /** @throws NotRewritableError when there is no such node */
  get(name: string): NodeDef {
    const node = this.#nodes.get(name);
    if (node !== undefined) return node;
    throw new NotRewritableError(`the graph has no node "${name}"`);
  }

  /** @throws Error when the name is taken */
  add(
    name: string,
    op: string,
    input: readonly string[],
    attr: Attributes = {},
    device = '',
  ): NodeDef {
    if (this.#nodes.has(name)) throw new Error(`a second node named "${name}"`);
    const node = create(NodeDefSchema, { name, op, input: [...input], attr, device });
    this.#nodes.set(name, node);
    return node;
  }

  delete(name: string): void {
    this.#nodes.delete(name);
  }

  /** `wanted`, or with a number behind it where that is taken. */
  freeName(wanted: string): string {
    let name = wanted;
    for (let suffix = 1; this.#nodes.has(name); suffix++) name = `${wanted}_${suffix}`;
    return name;
  }

  /** Removes every node that none of `roots` needs, through data or control inputs. */
  prune(roots: Iterable<string>): void {
    const needed = this.#reach(roots);
    for (const name of [...this.#nodes.keys()]) if (!needed.has(name)) this.#nodes.delete(name);
  }

  /** Every data and control input, of all nodes, goes through `rename`, which may answer several. */
  rewireAll(rename: (input: string) => readonly string[]): void {
    for (const node of this.#nodes.values()) {
      const inputs = node.input.flatMap((input) => rename(input));
      const data = inputs.filter((input) => !isControl(input));
      node.input = [...data, ...new Set(inputs.filter(isControl))];
    }
  }

  #reach(roots: Iterable<string>): Set<string> {
    const seen = new Set<string>();
    const waiting = [...roots];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const input of this.get(name).input) waiting.push(nodeOf(input));
    }
    return seen;
  }
}
