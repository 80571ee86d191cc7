import type { MetaGraphDef } from './protobuf/tensorflow_pb';
import { SavedModelError } from './saved-model-error';

export interface ServedGraph {
  readonly meta: MetaGraphDef;
  readonly tags: readonly string[];
}

/**
 * The graph that is served: the one tagged `serve` with the fewest other tags.
 * @throws SavedModelError when there is none
 */
export function servedGraph<T extends { readonly tags: readonly string[] }>(
  graphs: readonly T[],
): T {
  const [served] = graphs
    .filter(({ tags }) => tags.includes('serve'))
    .sort((a, b) => a.tags.length - b.tags.length);
  if (served === undefined) throw new SavedModelError('holds no graph tagged "serve"');
  return served;
}
