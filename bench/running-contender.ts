import type { BenchCase } from './cases';
import type { LoadGenerator } from './load-generator';
import type { Measurement } from './measurement';

export interface RunFacts {
  readonly repository: string;
  /** For logs, bodies and results on the way. */
  readonly folder: string;
  readonly seconds: number;
  readonly generator: LoadGenerator;
  /** Goes before the contender's command, to keep it on its cores. */
  readonly prefix: readonly string[];
}

/** A contender that has been started and has recognised the known photo. */
export interface RunningContender {
  /** Keeps it busy as a case does, for some seconds. */
  warmUp(benchCase: BenchCase, seconds: number): Promise<void>;
  measure(benchCase: BenchCase): Promise<Measurement>;
  /** Stands still while others are measured. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Before each measurement, so that no contender meets a case cold. */
export const WARM_UP_S = 1;

/** After the start: servers run for days, and V8 compiles what is busy for the first seconds. */
export const FIRST_WARM_UP = { connections: 16, seconds: 10 };
