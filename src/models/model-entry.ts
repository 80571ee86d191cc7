import { ServingError } from '../kernel/errors';
import type { PlannedRetry } from './load-retries';
import type { VersionPolicy } from './model-config';
import type { RepositoryModel } from './repository';
import type { Servable } from './servable';
import { DEFAULT_VERSION_POLICY } from './version-policy';

/** A model as the manager keeps it. */
export interface ModelEntry {
  source: RepositoryModel;
  servables: Servable[];
  /** The folder has gone from the repository. */
  removed: boolean;
  /** See ModelStatus. */
  held: boolean;
  /** Revision of each version at the last look. */
  seen: ReadonlyMap<number, string>;
}

/** A model as the repository and the lifecycle have it. */
export interface ModelStatus {
  readonly name: string;
  /** What is wrong with its folder; empty when nothing is. */
  readonly problems: readonly string[];
  readonly configured: boolean;
  /** Every version there is or was asked for, ascending. */
  readonly servables: readonly Servable[];
  /** Attempts to come at versions that failed to load. */
  readonly retries: ReadonlyMap<number, PlannedRetry>;
  /** Not to be served until it is loaded: unloaded, or never loaded, by explicit control. */
  readonly held: boolean;
  /** Versions by their labels. */
  readonly versionLabels: Readonly<Record<string, number>>;
  readonly versionPolicy: VersionPolicy;
}

export function statusOf(
  { source, servables, held }: ModelEntry,
  retries: ReadonlyMap<number, PlannedRetry>,
): ModelStatus {
  return {
    name: source.name,
    problems: source.problems,
    configured: source.configured,
    servables,
    retries,
    held,
    versionLabels: source.config.versionLabels ?? {},
    versionPolicy: source.config.versionPolicy ?? DEFAULT_VERSION_POLICY,
  };
}

/** The version asked for, or the newest. */
export function availableServable(
  { servables }: Pick<ModelEntry, 'servables'>,
  version: number | undefined,
): Servable | undefined {
  return servables.findLast(
    (candidate) =>
      candidate.state === 'AVAILABLE' && (version === undefined || candidate.version === version),
  );
}

/** Why no version, or not the one asked for, takes requests. */
export function whyNotAvailable(entry: ModelEntry, version: number | undefined): ServingError {
  const { name } = entry.source;
  const candidates = entry.servables.filter(
    (servable) => version === undefined || servable.version === version,
  );
  if (version !== undefined && candidates.length === 0) {
    const there = entry.servables.map((servable) => servable.version).join(', ');
    return new ServingError(
      'VERSION_NOT_FOUND',
      `Model ${name} has no version ${version} loaded; there are: ${there === '' ? 'none' : there}`,
    );
  }
  if (candidates.at(-1)?.dormant === true) {
    return new ServingError(
      'MODEL_NOT_READY',
      `Model ${name} is not resident: its next request to infer loads it`,
      { retryAfterS: 1 },
    );
  }
  const reason = candidates.at(-1)?.reason ?? entry.source.problems.join('; ');
  return new ServingError(
    'MODEL_NOT_READY',
    reason === '' ? `Model ${name} is loading` : `Model ${name} cannot be served: ${reason}`,
    { retryAfterS: 1 },
  );
}

/** Why a model that was just to be loaded is not, or not all of it; undefined when it is. */
export function loadFailure({
  name,
  problems,
  servables,
  retries,
}: ModelStatus): ServingError | undefined {
  const reasons = [
    ...problems,
    ...servables.flatMap(({ version, reason }) =>
      reason === undefined
        ? []
        : [`version ${version}: ${reason}${retries.has(version) ? ' (it is tried again)' : ''}`],
    ),
  ];
  if (reasons.length === 0) return undefined;
  return new ServingError('MODEL_LOAD_FAILED', `failed to load '${name}': ${reasons.join('; ')}`);
}
