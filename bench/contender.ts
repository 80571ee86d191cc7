import type { BenchCase } from './cases';
import type { ContenderCommand } from './contender-process';

/** What a contender is started with. */
interface StartFacts {
  /** Models: <name>/<version>/saved_model.pb */
  readonly repository: string;
  /** 0 for contenders without HTTP. */
  readonly port: number;
}

/** One server, or one way to run the model, as the suite knows it. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  readonly kind: 'http' | 'closed-loop';
  /** False: the case means nothing for it, or it cannot do it. */
  readonly supports: (benchCase: BenchCase) => boolean;
  readonly command: (facts: StartFacts) => ContenderCommand;
  /** Answers 200 once it is ready. */
  readonly readyPath?: string;
  /** Asked under load. */
  readonly livePath?: string;
  /** Its figures: Prometheus text of this server, or JSON of {loopP99Ms, rows, runs}. */
  readonly statsPath?: string;
  /** Prepares what it needs. @throws Error with the reason when it cannot run here */
  readonly prepare?: () => Promise<void>;
}
