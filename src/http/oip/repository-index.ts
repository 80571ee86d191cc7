import type { PlannedRetry } from '../../models/load-retries';
import type { ModelStatus } from '../../models/model-manager';
import type { Servable, ServableState } from '../../models/servable';

/** A model or one version of it in the answer of the repository index. */
export interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';
  readonly reason: string;
}

const STATES: Readonly<Record<ServableState, IndexEntry['state']>> = {
  START: 'LOADING',
  LOADING: 'LOADING',
  AVAILABLE: 'READY',
  UNLOADING: 'UNLOADING',
  END: 'UNAVAILABLE',
};

/**
 * Every version of every model; a model without versions has an entry of its own.
 * @param unknown folders of the repository that the server has not looked at
 * @param onlyReady leaves out what does not take requests
 */
export function repositoryIndex(
  models: readonly ModelStatus[],
  unknown: readonly string[],
  onlyReady: boolean,
): IndexEntry[] {
  const entries = [
    ...models.flatMap(entriesOf),
    ...unknown.map((name) => ({ name, state: 'UNAVAILABLE' as const, reason: 'not loaded' })),
  ];
  return onlyReady ? entries.filter(({ state }) => state === 'READY') : entries;
}

function entriesOf({ name, servables, problems, held, retries }: ModelStatus): IndexEntry[] {
  if (servables.length > 0) {
    return servables.map((servable) => versionEntry(servable, held, retries.get(servable.version)));
  }
  const reason = problems.length > 0 ? problems.join('; ') : 'not loaded';
  return [{ name, state: 'UNAVAILABLE', reason }];
}

function versionEntry(
  { name, version, state, reason, dormant }: Servable,
  held: boolean,
  retry: PlannedRetry | undefined,
): IndexEntry {
  const more = retry === undefined ? '' : ` (retry ${retry.attempt} of ${retry.of} follows)`;
  return {
    name,
    version: String(version),
    state: dormant ? 'UNAVAILABLE' : STATES[state],
    reason: dormant
      ? 'not resident'
      : reason !== undefined
        ? `${reason}${more}`
        : held && state === 'END'
          ? 'unloaded'
          : '',
  };
}
