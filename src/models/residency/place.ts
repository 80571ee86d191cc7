import type { Servable } from '../servable';
import type { Residency } from './residency-config';

/** A version that is in memory on demand, whether it is there or not. */
export interface Place {
  readonly name: string;
  readonly version: number;
  readonly residency: Residency;
  /** Replaced by a fresh one when it has been unloaded. */
  servable: Servable;
  /** Requests that use it. */
  pins: number;
  /** Requests that wait until it is there. */
  waiting: number;
  /** Bytes when it was last measured; 0 before. */
  bytes: number;
  lastUsedAt: number;
  residentSince: number;
  /** While it is being loaded, or waits for room. */
  bringing: Promise<void> | undefined;
  /** While it is being unloaded, or waits for the requests that use it. */
  leaving: Promise<void> | undefined;
  /** Milliseconds that its last load took, or is taken to take. */
  loadMs: number;
  /** After a load that failed: not tried again before. */
  retryAt: number;
  idleTimer: NodeJS.Timeout | undefined;
  /** The repository does not hold it any more. */
  removed: boolean;
}

export function placeFor(servable: Servable, residency: Residency): Place {
  const { name, version } = servable;
  return {
    name,
    version,
    residency,
    servable,
    pins: 0,
    waiting: 0,
    bytes: 0,
    lastUsedAt: 0,
    residentSince: 0,
    bringing: undefined,
    leaving: undefined,
    loadMs: 0,
    retryAt: 0,
    idleTimer: undefined,
    removed: false,
  };
}

/** In memory, and to stay there as far as is known. */
export function isResident({ servable, leaving }: Place): boolean {
  return servable.state === 'AVAILABLE' && leaving === undefined;
}

/** Somebody uses it, or is just about to. */
export function isBusy({ pins, waiting }: Place): boolean {
  return pins > 0 || waiting > 0;
}
