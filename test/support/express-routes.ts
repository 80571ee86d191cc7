import type { Express } from 'express';

/** What Express keeps of a registered handler; its own types leave most of it out. */
interface Layer {
  readonly route?: { readonly path: unknown; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle: { readonly stack?: readonly Layer[] };
  /** Where a router is mounted. */
  readonly rawPath?: unknown;
}

/** `GET /models/{name}` of every registered handler, those of routers included. */
export function registeredRoutes(app: Express): string[] {
  const { stack } = (app as unknown as { router: { stack: readonly Layer[] } }).router;
  return [...new Set(routesOf(stack, ''))].sort();
}

function routesOf(stack: readonly Layer[], prefix: string): string[] {
  return stack.flatMap(({ route, handle, rawPath }) => {
    if (route === undefined) {
      if (handle.stack === undefined) return [];
      return routesOf(handle.stack, prefix + (rawPath === '/' ? '' : String(rawPath)));
    }
    return Object.keys(route.methods)
      .filter((method) => !['_all', 'head'].includes(method))
      .flatMap((method) =>
        // A path that is no text could not be compared: better a failing test than a blind one.
        [route.path].flat().map((path) => `${method.toUpperCase()} ${prefix}${template(path)}`),
      );
  });
}

/** `/v1/models/:name\:predict` → `/v1/models/{name}:predict` */
function template(path: unknown): string {
  return String(path).replace(/\\(.)|:(\w+)/g, (_whole, literal?: string, parameter?: string) =>
    literal === undefined ? `{${parameter ?? ''}}` : literal,
  );
}
