/** One case of one contender in one round. Absent: not measured there. */
export interface Measurement {
  /** Requests answered 2xx a second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections refused, broken or timed out. */
  readonly failed: number;
  /** CPU time of the contender's processes for each answer of 2xx. */
  readonly cpuMs: number;
  /** CPU time of the load generator for each answer, whatever its status. */
  readonly loadCpuMs?: number;
  readonly rssBytes: number;
  /** CPU time of the whole machine that neither contender nor suite took, 0 to 1. */
  readonly othersShare: number;
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  readonly meanBatch?: number;
  /** Event-loop delay of the HTTP thread. */
  readonly loopP99Ms?: number;
  readonly liveP50Ms?: number;
  readonly liveP99Ms?: number;
  /** How long a refused request waited for its 429. */
  readonly refusedP50Ms?: number;
  readonly refusedP99Ms?: number;
  /** Stages of raw decode and predict, alone. */
  readonly decodeMs?: number;
  readonly predictMs?: number;
}

export type MeasurementField = Exclude<keyof Measurement, 'statuses'>;

/** Answers of 2xx. */
export function accepted(statuses: Readonly<Record<string, number>>): number {
  return Object.entries(statuses)
    .filter(([status]) => status.startsWith('2'))
    .reduce((sum, [, count]) => sum + count, 0);
}
