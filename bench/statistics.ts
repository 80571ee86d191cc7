import { serverModule } from './server-code';

export const { median, percentile } =
  serverModule<typeof import('../src/kernel/statistics')>('kernel/statistics');

/** Largest over smallest: how far the rounds lie apart. @returns NaN for none */
export function spread(values: readonly number[]): number {
  return values.length === 0 ? NaN : Math.max(...values) / Math.min(...values);
}
