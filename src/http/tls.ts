import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';

import { messageOf } from '../kernel/errors';

/** What TLS is spoken with, as PEM. */
export interface TlsSettings {
  /** The certificate, and those between it and its root. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates; undefined: clients show none. */
  readonly clientCa: string | undefined;
}

/**
 * The settings in Node's words.
 * @throws Error when they cannot be used: not PEM, a key of another certificate, a passphrase
 */
export function secureOptions({ cert, key, clientCa }: TlsSettings): ServerOptions {
  if (clientCa !== undefined && !clientCa.includes('-----BEGIN CERTIFICATE-----')) {
    // Node would take none for an authority, and then refuse every client without a word.
    throw new Error('tlsClientCa holds no certificate in PEM (-----BEGIN CERTIFICATE-----)');
  }
  const files = { cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) };
  try {
    createSecureContext(files);
  } catch (thrown) {
    throw new Error(
      `tlsCert, tlsKey${clientCa === undefined ? '' : ' and tlsClientCa'} cannot be used: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
  return {
    ...files,
    requestCert: clientCa !== undefined,
    rejectUnauthorized: clientCa !== undefined,
  };
}
