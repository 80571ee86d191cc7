import type { NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { booleanOf, numberOf } from '../graph/attributes';
import type { FlatGraph } from '../graph/flat-graph';
import {
  floatConstant,
  floatConstantAttributes,
  type FloatConstant,
} from '../graph/float-constants';
import { nodesInOrder } from '../graph/nodes-in-order';
import { formatFlat, isControl, parseFlat } from '../graph/references';
import type { Range } from './quantization';

const FAKE = new Set([
  'FakeQuantWithMinMaxArgs',
  'FakeQuantWithMinMaxVars',
  'FakeQuantWithMinMaxVarsPerChannel',
]);

/**
 * Takes out the nodes that training aware of quantisation left, which round values as 8 bits would:
 * weights keep the rounded values, and activations are passed as they are, with their ranges known.
 * @returns ranges by tensor
 */
export function absorbFakeQuantization(
  graph: FlatGraph,
  kept: ReadonlySet<string>,
): ReadonlyMap<string, Range> {
  const ranges = new Map<string, Range>();
  const bypassed = new Map<string, string>();
  for (const node of nodesInOrder(graph)) {
    if (!FAKE.has(node.op) || kept.has(node.name) || node.input.some(isControl)) continue;
    // Other widths than 8 bits are what the model computes, not how.
    if ((numberOf(node.attr, 'num_bits') ?? 8) !== 8) continue;
    const input = node.input[0] ?? '';
    const limits = limitsOf(graph, node);
    if (limits === undefined) continue;
    const weights = floatConstant(graph, input);
    if (weights !== undefined) {
      const values = rounded(weights, limits, booleanOf(node.attr, 'narrow_range') === true);
      node.op = 'Const';
      node.input = [];
      node.attr = floatConstantAttributes({ shape: weights.shape, values });
      continue;
    }
    const [min, max] = [limits.min[0], limits.max[0]];
    if (min === undefined || max === undefined || limits.min.length > 1) continue;
    const source = bypassed.get(parseFlat(input).node) ?? formatFlat(parseFlat(input));
    ranges.set(source, { min, max });
    bypassed.set(node.name, source);
  }
  graph.rewireAll((input) => {
    if (isControl(input)) return [input];
    return [bypassed.get(parseFlat(input).node) ?? input];
  });
  return ranges;
}

interface Limits {
  readonly min: ArrayLike<number>;
  readonly max: ArrayLike<number>;
}

function limitsOf(graph: FlatGraph, { op, attr, input }: NodeDef): Limits | undefined {
  if (op === 'FakeQuantWithMinMaxArgs') {
    return { min: [numberOf(attr, 'min') ?? -6], max: [numberOf(attr, 'max') ?? 6] };
  }
  const [min, max] = [floatConstant(graph, input[1] ?? ''), floatConstant(graph, input[2] ?? '')];
  return min === undefined || max === undefined ? undefined : { min: min.values, max: max.values };
}

/** As the node computes it: limits are moved so that zero is one of the steps. */
function rounded({ values }: FloatConstant, { min, max }: Limits, narrow: boolean): Float32Array {
  const steps = narrow ? 254 : 255;
  const channels = min.length;
  return values.map((value, index) => {
    const [low, high] = [min[index % channels] ?? 0, max[index % channels] ?? 0];
    const scale = (high - low) / steps;
    if (scale <= 0) return value;
    const zero = Math.max(0, Math.min(steps, Math.round(-low / scale)));
    const step = Math.max(0, Math.min(steps, Math.round(value / scale + zero)));
    return (step - zero) * scale;
  });
}
