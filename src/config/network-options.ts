import { z } from 'zod';

/** Options for browsers, API keys, TLS and images that are fetched. */

const ORIGIN = /^https?:\/\/[^\s/?#@*]+$/i;
const ORIGIN_PATTERN = /^https?:\/\/(\*\.)?[^\s/?#@*]+$/i;

const file = z.string().min(1).optional();

export const networkOptions = {
  corsOrigins: z
    .array(
      z
        .string()
        .refine(
          (origin) => origin === '*' || (ORIGIN.test(origin) && URL.canParse(origin)),
          'must be origins such as https://app.example.org, or *',
        ),
    )
    .default([])
    .describe(
      'Origins of web pages that may read answers (CORS), such as `https://app.example.org`, or `*` for all; never for the model repository API',
    ),
  apiKeys: z
    .array(
      z
        .string()
        .regex(
          /^[\w.-]{1,64}:[0-9a-fA-F]{64}$/,
          'must be <name>:<SHA-256 of the key in hexadecimal>',
        ),
    )
    .default([])
    .describe(
      'API keys without limits, each as name and SHA-256: `shop:9f86d0…`. Once there is a key here or in `apiKeysFile`, requests need one; see docs/security.md',
    ),
  apiKeysFile: file.describe(
    'JSON file of API keys with their limits; read again when it changes. See docs/security.md',
  ),
  metricsAccess: z
    .enum(['key', 'open'])
    .default('key')
    .describe(
      'Where there are API keys: whether `/metrics` needs one with the scope `metrics`, or is open',
    ),
  tlsCert: file.describe(
    'PEM file of the certificate, with those between it and its root: the server then speaks HTTPS. Read again when it changes',
  ),
  tlsKey: file.describe('PEM file of the key of `tlsCert`, without a passphrase'),
  tlsClientCa: file.describe(
    'PEM file of the authorities whose client certificates are accepted; a client without one is refused',
  ),
  imageUrlOrigins: z
    .array(
      z
        .string()
        .regex(
          ORIGIN_PATTERN,
          'must be origins such as https://images.example.org or https://*.example.org',
        ),
    )
    .default([])
    .describe(
      'Origins that images may be fetched from: `{"image": {"url": "…"}}`; `https://*.example.org` is every name below. None: images are not fetched',
    ),
  imageUrlAllowPrivate: z
    .array(z.string().regex(ORIGIN, 'must be whole origins such as http://images.internal:9000'))
    .default([])
    .describe(
      'Origins of `imageUrlOrigins` that may have private and loopback addresses, which are refused otherwise',
    ),
  imageUrlTimeoutMs: z
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe('Milliseconds that fetching an image may take, redirects included'),
};

interface TlsFiles {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsClientCa?: string | undefined;
}

/** A certificate is of no use without its key, nor is the rest without both. */
export function requireWholeTls(
  { tlsCert, tlsKey, tlsClientCa }: TlsFiles,
  context: z.core.$RefinementCtx,
): void {
  const missing = (name: string, why: string): void => {
    context.issues.push({ code: 'custom', path: [name], message: why, input: undefined });
  };
  if (tlsCert !== undefined && tlsKey === undefined) missing('tlsKey', 'is needed with tlsCert');
  if (tlsKey !== undefined && tlsCert === undefined) missing('tlsCert', 'is needed with tlsKey');
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    missing('tlsCert', 'is needed with tlsClientCa: only TLS has client certificates');
  }
}
