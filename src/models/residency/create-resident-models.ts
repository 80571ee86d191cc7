import type { Servable } from '../servable';
import { estimateNeed } from './estimate-need';
import { KnownNeeds } from './known-needs';
import { memoryOfProcesses } from './resident-memory';
import { ResidentModels, type ResidentModelsOptions, type ServableKeeper } from './resident-models';

/** What models may take that come and go by their requests, and how that is found out. */
export type ResidencyOptions = Partial<Omit<ResidentModelsOptions, 'retryMs'>>;

interface Circumstances {
  readonly retryMs: number;
  readonly instancesOf: (servable: Servable) => number;
}

/** Without a limit, and with needs that are forgotten with the process, where nothing else is said. */
export function createResidentModels(
  options: ResidencyOptions,
  { retryMs, instancesOf }: Circumstances,
  keeper: ServableKeeper,
): ResidentModels {
  return new ResidentModels(
    {
      limit: options.limit,
      needs: options.needs ?? new KnownNeeds({ directory: undefined, runtime: '' }),
      measure: options.measure ?? memoryOfProcesses,
      estimate:
        options.estimate ?? ((servable) => estimateNeed(servable.directory, instancesOf(servable))),
      now: options.now,
      retryMs,
    },
    keeper,
  );
}
