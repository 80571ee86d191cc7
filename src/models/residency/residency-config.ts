import { z } from 'zod';

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^([1-9]\d{0,5})([smh])$/;

/** `residency` of model.json. */
export const residencySchema = z
  .union([
    z.enum(['always', 'onDemand']),
    z.strictObject({
      idle: z
        .string()
        .regex(DURATION, 'must be a number with its unit, such as "90s", "10m" or "2h"'),
    }),
  ])
  .describe(
    'When the model is in memory: "always"; "onDemand": loaded by its first request, and unloaded when others need the room; {"idle": "10m"}: also after that time without a request. Default always',
  );

/** When a model is in memory. */
export interface Residency {
  /** Loaded by its first request. */
  readonly onDemand: boolean;
  /** Milliseconds without a request after which it is unloaded; undefined: only for want of room. */
  readonly idleMs: number | undefined;
}

export function residencyOf(config: {
  readonly residency?: z.infer<typeof residencySchema> | undefined;
}): Residency {
  const { residency = 'always' } = config;
  if (typeof residency === 'string') {
    return { onDemand: residency === 'onDemand', idleMs: undefined };
  }
  const [, count = '', unit = 's'] = DURATION.exec(residency.idle) ?? [];
  return { onDemand: true, idleMs: Number(count) * UNITS[unit as keyof typeof UNITS] };
}
