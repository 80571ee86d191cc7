/**
 * Whether the origin of an address is one of these: `https://images.example.org`, or
 * `https://*.example.org` for every name below, itself not.
 */
export function originMatcher(patterns: readonly string[]): (url: URL) => boolean {
  const exact = new Set<string>();
  const below: URL[] = [];
  for (const pattern of patterns) {
    if (pattern.includes('//*.')) below.push(new URL(pattern.replace('//*.', '//')));
    else exact.add(new URL(pattern).origin);
  }
  return (url) =>
    exact.has(url.origin) ||
    below.some(
      ({ protocol, port, hostname }) =>
        url.protocol === protocol && url.port === port && url.hostname.endsWith(`.${hostname}`),
    );
}
