import { z } from 'zod';

/** A whole number in a path or query, where everything is text: checked and described together. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)
    .meta({ type: 'integer', minimum: min, maximum: max });
}

/** A number from 0 to 1 in a query. */
export function share() {
  return z
    .string()
    .regex(/^(0|1|0?\.\d{1,15}|1\.0{1,15}|0\.\d{1,15})$/, 'must be a number from 0 to 1')
    .transform(Number)
    .meta({ type: 'number', minimum: 0, maximum: 1 });
}

/** A switch in a query. */
export function flag() {
  return z
    .enum(['true', 'false', '1', '0', ''], 'must be true or false')
    .transform((value) => value !== 'false' && value !== '0')
    .meta({ type: 'boolean' });
}
