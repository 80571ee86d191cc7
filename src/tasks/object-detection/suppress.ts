import type { Steps } from '../../kernel/time-slices';
import { intersectionOverUnion, type Box } from './boxes';

/** Something that a model saw. */
export interface Candidate {
  readonly box: Box;
  /** Of its class, as the model counts it. */
  readonly index: number;
  readonly score: number;
}

/**
 * Greedy non-maximum suppression by class: of candidates of a class that overlap by more than `iou`, the
 * one of the highest score is kept.
 * @param candidates by falling score
 * @param most candidates to keep
 */
export function* suppress<T extends Candidate>(
  candidates: readonly T[],
  iou: number,
  most: number,
): Steps<T[]> {
  const kept: T[] = [];
  const byClass = new Map<number, T[]>();
  for (const candidate of candidates) {
    if (kept.length === most) break;
    const rivals = byClass.get(candidate.index) ?? [];
    const overlaps = rivals.some((rival) => intersectionOverUnion(rival.box, candidate.box) > iou);
    // Each looks through at most as many as are kept of its class.
    yield;
    if (overlaps) continue;
    kept.push(candidate);
    rivals.push(candidate);
    byClass.set(candidate.index, rivals);
  }
  return kept;
}
