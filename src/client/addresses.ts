import type { RunOptions } from './client-options';

/** Undefined values are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export function modelPath(
  prefix: string,
  { model, version }: Pick<RunOptions, 'model' | 'version'>,
): string {
  const path = `${prefix}/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${version}`;
}

export function queryText(values: Query): string {
  const given = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? '' : `?${given.join('&')}`;
}
