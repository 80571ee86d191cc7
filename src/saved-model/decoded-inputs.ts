import path from 'node:path';

import { readNodes, type NodeGraph, type Nodes } from './node-graph';
import { readRanges } from './read-ranges';

/** Formats of files that TensorFlow reads. */
export type DecodedFormat = 'jpeg' | 'png' | 'bmp';

/**
 * Operations that decode pictures, and what of it is safe to send them. Since 2.3 one kernel serves
 * DecodeJpeg, DecodePng and DecodeGif, and tells JPEG, PNG and GIF by their first bytes; a GIF is left out,
 * as it may come out with one dimension more.
 */
const DECODERS: Readonly<Record<string, readonly DecodedFormat[]>> = {
  DecodeJpeg: ['jpeg', 'png'],
  DecodePng: ['jpeg', 'png'],
  DecodeGif: ['jpeg', 'png'],
  DecodeImage: ['jpeg', 'png', 'bmp'],
  DecodeAndCropJpeg: ['jpeg'],
  DecodeBmp: ['bmp'],
};
/** What reads strings as something else than a file: a tf.Example, base64, a path. */
const OTHERS = /^(Parse.*Example.*|DecodeBase64|ReadFile|DecodeRaw|DecodeCSV|DecodeJSONExample)$/;

/**
 * Finds inputs of strings that lead to an operation that decodes pictures, and to none that reads strings
 * as something else. Weights are not read.
 * @param tensors of inputs as signatures name them, such as `serving_default_bytes:0`
 * @returns formats that can be sent, by tensor
 * @throws Error when the file cannot be read
 */
export async function decodedInputs(
  directory: string,
  tensors: readonly string[],
): Promise<ReadonlyMap<string, readonly DecodedFormat[]>> {
  const graph = await readRanges(path.join(directory, 'saved_model.pb'), readNodes);
  const users = usersOf(graph.nodes);
  return new Map(
    tensors.flatMap((tensor) => {
      const [node = ''] = tensor.split(':');
      const formats = formatsOf(operationsBehind(graph, users, node));
      return formats === undefined ? [] : [[tensor, formats] as const];
    }),
  );
}

/** What every decoder on the way takes; undefined where there is none, or something else is read. */
function formatsOf(operations: ReadonlySet<string>): readonly DecodedFormat[] | undefined {
  const found = [...operations].flatMap((op) => {
    const formats = DECODERS[op];
    return formats === undefined ? [] : [formats];
  });
  const [first, ...rest] = found;
  if (first === undefined || [...operations].some((op) => OTHERS.test(op))) return undefined;
  const common = first.filter((format) => rest.every((formats) => formats.includes(format)));
  return common.length > 0 ? common : undefined;
}

/** Operations of every node that a node leads to; of functions that are called, all of theirs. */
function operationsBehind(
  graph: NodeGraph,
  users: ReadonlyMap<string, readonly string[]>,
  from: string,
): Set<string> {
  const operations = new Set<string>();
  const seen = new Set<string>([from]);
  const called = new Set<string>();
  const waiting = [from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = graph.nodes.get(name);
    if (node !== undefined) {
      operations.add(node.op);
      for (const callee of calleesOf(node)) addCalled(graph, callee, called, operations);
    }
    for (const user of users.get(name) ?? []) {
      if (seen.has(user)) continue;
      seen.add(user);
      waiting.push(user);
    }
  }
  return operations;
}

function addCalled(
  graph: NodeGraph,
  name: string,
  called: Set<string>,
  operations: Set<string>,
): void {
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (called.has(next)) continue;
    called.add(next);
    for (const node of graph.functions.get(next)?.nodes.values() ?? []) {
      operations.add(node.op);
      waiting.push(...calleesOf(node));
    }
  }
}

type Node = Nodes extends ReadonlyMap<string, infer N> ? N : never;

function calleesOf({ attr }: Node): string[] {
  return Object.values(attr).flatMap(({ value }) => {
    if (value.case === 'func') return [value.value.name];
    return value.case === 'list' ? value.value.func.map(({ name }) => name) : [];
  });
}

function usersOf(nodes: Nodes): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const { name, input } of nodes.values()) {
    for (const source of input) {
      // A control input only waits.
      if (source.startsWith('^')) continue;
      const [from = ''] = source.split(':');
      const list = users.get(from);
      if (list === undefined) users.set(from, [name]);
      else list.push(name);
    }
  }
  return users;
}
