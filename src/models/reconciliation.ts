import type { ModelEntry } from './model-entry';
import { revisionOf, type RepositoryModel } from './repository';
import type { Servable } from './servable';
import { DEFAULT_VERSION_POLICY, selectVersions } from './version-policy';

/** Whether new and changed files are loaded as they are, or only when the look before saw the same. */
export type Take = 'at-once' | 'when-settled';

export interface ReconciliationPlan {
  /** Versions to load. */
  readonly load: readonly number[];
  /** Nothing waits for its files to settle. */
  readonly settled: boolean;
}

interface Look {
  /** Revisions at the look before. */
  readonly seen: ReadonlyMap<number, string>;
  readonly take: Take;
  /** A version that failed and is to be loaded all the same. */
  readonly retry?: number | undefined;
}

/** What is to be loaded so that the folder, as it was just seen, is served. */
export function planReconciliation(
  { source, servables }: Pick<ModelEntry, 'source' | 'servables'>,
  { seen, take, retry }: Look,
): ReconciliationPlan {
  const missing = wantedVersions(source).filter(
    (version) =>
      version === retry || !servables.some((servable) => isCurrent(servable, version, source)),
  );
  const load = missing.filter(
    (version) =>
      take === 'at-once' || version === retry || seen.get(version) === revisionOf(source, version),
  );
  return { load, settled: load.length === missing.length };
}

/** What is no longer wanted; a model whose wanted versions all failed keeps what it had. */
export function leavingServables({
  source,
  servables,
}: Pick<ModelEntry, 'source' | 'servables'>): Servable[] {
  const wanted = wantedVersions(source);
  const outdated = servables.filter(
    (servable) => !wanted.some((version) => isCurrent(servable, version, source)),
  );
  const served = servables.some(
    (servable) =>
      (servable.state === 'AVAILABLE' || servable.dormant) && !outdated.includes(servable),
  );
  return outdated.filter(({ state }) => served || state !== 'AVAILABLE');
}

/** What a look at the folder found, to be compared with the next one. */
export function revisionsOf(source: RepositoryModel): ReadonlyMap<number, string> {
  return new Map(source.versions.map((version) => [version, revisionOf(source, version)]));
}

/** Loaded (or failed) from the files as they are now. */
function isCurrent(servable: Servable, version: number, source: RepositoryModel): boolean {
  return servable.version === version && servable.revision === revisionOf(source, version);
}

export function wantedVersions({ versions, config }: RepositoryModel): number[] {
  return selectVersions(versions, config.versionPolicy ?? DEFAULT_VERSION_POLICY);
}
