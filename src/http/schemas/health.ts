import { z } from 'zod';

export const liveSchema = z.object({ live: z.boolean() }).meta({ id: 'Live' });
export const readySchema = z.object({ ready: z.boolean() }).meta({ id: 'Ready' });
