import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

import { isPublic } from './addresses';

/** All addresses of a name. */
export type Resolve = (
  name: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** A name or an address leads to where nothing may be fetched from. */
export class PrivateAddressError extends Error {
  constructor(host: string) {
    super(`${host} is not an address of the public internet`);
    this.name = 'PrivateAddressError';
  }
}

export const systemResolve: Resolve = (name, done) => {
  systemLookup(name, { all: true }, done);
};

/** An address in the place of a name is not looked up. @throws PrivateAddressError */
export function requirePublicLiteral(hostname: string): void {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(literal) !== 0 && !isPublic(literal)) throw new PrivateAddressError(hostname);
}

/**
 * For node:http: the connection is made to an address that was checked, as nobody asks a second time. A name
 * with one address that is not public has none.
 */
export function publicLookup(resolve: Resolve): LookupFunction {
  return (name, options, callback) => {
    resolve(name, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) {
        callback(error ?? new Error(`${name} has no address`), '', 0);
      } else if (!addresses.every(({ address }) => isPublic(address))) {
        callback(new PrivateAddressError(name), '', 0);
      } else {
        answer(addresses, options.all === true, callback);
      }
    });
  };
}

/** As it is, for origins that may be anywhere. */
export function anyLookup(resolve: Resolve): LookupFunction {
  return (name, options, callback) => {
    resolve(name, (error, addresses) => {
      if (error !== null || addresses.length === 0) {
        callback(error ?? new Error(`${name} has no address`), '', 0);
      } else {
        answer(addresses, options.all === true, callback);
      }
    });
  };
}

function answer(
  addresses: readonly LookupAddress[],
  all: boolean,
  callback: Parameters<LookupFunction>[2],
): void {
  const [first] = addresses;
  if (all) callback(null, [...addresses]);
  else callback(null, first?.address ?? '', first?.family);
}
