/** How nodes name their inputs: `node`, `node:1` in a graph; `node:output_name:1` in a function; `^node` waits. */

export interface FlatReference {
  readonly node: string;
  readonly index: number;
}

export function isControl(input: string): boolean {
  return input.startsWith('^');
}

/** Name of the node behind any kind of reference. */
export function nodeOf(input: string): string {
  const start = isControl(input) ? 1 : 0;
  const colon = input.indexOf(':');
  return input.slice(start, colon === -1 ? undefined : colon);
}

/** @param input a data input of a node outside functions */
export function parseFlat(input: string): FlatReference {
  const colon = input.lastIndexOf(':');
  return colon === -1
    ? { node: input, index: 0 }
    : { node: input.slice(0, colon), index: Number(input.slice(colon + 1)) };
}

export function formatFlat({ node, index }: FlatReference): string {
  return index === 0 ? node : `${node}:${index}`;
}

export interface FunctionReference {
  readonly node: string;
  /** Undefined for an argument of the function. */
  readonly output: string | undefined;
  readonly index: number;
}

/** @param input a data input of a node inside a function */
export function parseInFunction(input: string): FunctionReference {
  const [node = '', output, index] = input.split(':');
  return { node, output, index: Number(index ?? 0) };
}
