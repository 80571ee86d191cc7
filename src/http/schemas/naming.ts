import type { z } from 'zod';

/**
 * How a schema gets its name in the document. Every object there has one: generators of clients make up
 * names for those without, some the same name for two, and lose one of them.
 */
export type Naming = <T extends z.ZodType>(schema: T, id: string) => T;

export const named: Naming = (schema, id) => schema.meta({ id });

/** For a schema that is only read with, beside the one of the document. */
export const unnamed: Naming = (schema) => schema;
