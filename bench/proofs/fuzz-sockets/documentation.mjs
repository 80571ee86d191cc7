import { readFileSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from '../support/start-server.mjs';

/** What Node itself answers to a head that is none, comes too slowly or expects something else. */
export const REFUSALS_OF_HEADS = [400, 408, 413, 417, 431];

/** Status by error code, from the table of the errors. */
export const ERROR_CODES = new Map(
  [
    ...readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8').matchAll(
      /^\| `(\w+)` +\| (\d{3}) /gm,
    ),
  ].map(([, code, status]) => [code, Number(status)]),
);

/** What HTTP has for conditions and ranges that a client asks for by itself. */
const OF_CONDITIONS = [206, 304];

/** Statuses of an address that is not there, or is malformed. */
const NO_ADDRESS = [400, 404];

/**
 * Which statuses the server's own document has.
 * @param openApi the document
 * @returns a function of a method and a request target: `statuses`, and `form`, the form of an error; both undefined
 *   for a target that is not plainly one of the addresses
 */
export function documentation(openApi) {
  const operations = Object.entries(openApi.paths).map(([template, methods]) => ({
    // Express takes either case, and a slash at the end.
    pattern: new RegExp(
      `^${template.replaceAll(/[.]/g, '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`,
      'i',
    ),
    methods: Object.fromEntries(
      Object.entries(methods).map(([method, { responses }]) => [
        method.toUpperCase(),
        Object.keys(responses).map(Number),
      ]),
    ),
  }));
  const everything = operations.flatMap(({ methods }) => Object.values(methods).flat());
  const anywhere = new Set([...everything, ...OF_CONDITIONS, 405]);
  return (method, target) => {
    const [pathname] = target.split(/[?#]/);
    if (!/^\/[\w/.:~%-]*$/.test(pathname)) return { statuses: anywhere };
    const form = /^\/v[12](\/|$)/i.test(pathname) ? 'plain' : 'problem';
    const here = operations.filter(({ pattern }) => pattern.test(pathname));
    const asked = method === 'HEAD' ? 'GET' : method;
    const statuses = here.flatMap(({ methods }) => methods[asked] ?? []);
    if (statuses.length > 0 && asked === 'GET') statuses.push(...OF_CONDITIONS);
    // A redirection takes the slash off.
    if (statuses.length > 0 && /^\/docs\/$/i.test(pathname)) statuses.push(308);
    // TensorFlow Serving calls every address that it does not have malformed.
    if (statuses.length === 0 && here.length > 0 && !/^\/v1\b/i.test(pathname)) statuses.push(405);
    if (statuses.length === 0 || pathname.includes('%')) statuses.push(...NO_ADDRESS);
    return { statuses: new Set(statuses), form };
  };
}
