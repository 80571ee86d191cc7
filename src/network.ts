import { readFileSync } from 'node:fs';

import type { Config } from './config/schema';
import { ApiKeys } from './http/access/api-keys';
import { parseKeyFile, unlimitedKey, type KeySpec } from './http/access/key-file';
import { isLoopback } from './http/loopback';
import type { HttpServer } from './http/server';
import { secureOptions, type TlsSettings } from './http/tls';
import { messageOf } from './kernel/errors';
import { watchFiles, type WatchedFiles } from './process/watch-files';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';

/** What the server is opened to a network with, and what follows the files of it. */
export interface Network {
  /** Undefined: no key is needed. */
  readonly keys: ApiKeys | undefined;
  readonly tls: TlsSettings | undefined;
  /** From now on these servers get the certificates when they change. */
  follow(servers: readonly HttpServer[]): void;
  /** Looks at the files now. Never rejects. */
  readonly refresh: () => Promise<void>;
  close(): void;
}

/**
 * Reads keys and certificates, and says in the log what is open.
 * @throws Error when a file cannot be read or used
 */
export function openNetwork(config: Config, logger: Logger, metrics: Metrics): Network {
  const watched: WatchedFiles[] = [];
  const keys = openKeys(config, logger, metrics, watched);
  const tls = readTls(config);
  warnWhereOpen(config, logger);
  return {
    keys,
    tls,
    follow: (servers) => {
      const files = tlsFiles(config);
      if (tls === undefined || files === undefined) return;
      watched.push(
        watchFiles(files, {
          known: contentsOf(tls),
          onChange: (contents) => {
            const renewed = settingsOf(contents);
            secureOptions(renewed);
            for (const server of servers) server.renewTls(renewed);
            logger.info('certificates renewed');
          },
          onError: (err) => {
            logger.error({ err }, 'certificates not renewed: the old ones go on');
          },
        }),
      );
    },
    refresh: async () => {
      await Promise.all(watched.map((files) => files.check()));
    },
    close: () => {
      for (const files of watched) files.close();
    },
  };
}

/** @throws Error when the file cannot be read, or holds something else */
function openKeys(
  { apiKeys, apiKeysFile: file }: Config,
  logger: Logger,
  metrics: Metrics,
  watched: WatchedFiles[],
): ApiKeys | undefined {
  if (apiKeys.length === 0 && file === undefined) return undefined;
  const own = apiKeys.map(unlimitedKey);
  const all = (text: string): readonly KeySpec[] => [...own, ...parseKeyFile(text)];
  const read = (): ApiKeys => {
    const text = file === undefined ? undefined : readFileSync(file, 'utf8');
    const keys = new ApiKeys(text === undefined ? own : all(text), metrics.keyImages);
    if (file === undefined || text === undefined) return keys;
    watched.push(
      watchFiles([file], {
        known: [text],
        onChange: ([changed = '']) => {
          keys.replace(all(changed));
          logger.info({ keys: keys.names }, 'API keys read again');
        },
        onError: (err) => {
          logger.error({ file, err }, 'API keys not read again: the old ones go on');
        },
      }),
    );
    return keys;
  };
  try {
    const keys = read();
    logger.info({ keys: keys.names }, 'API keys');
    return keys;
  } catch (thrown) {
    throw new Error(
      `${file === undefined ? 'apiKeys' : `apiKeysFile ${file}`}: ${messageOf(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}

function tlsFiles({ tlsCert, tlsKey, tlsClientCa }: Config): readonly string[] | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return tlsClientCa === undefined ? [tlsCert, tlsKey] : [tlsCert, tlsKey, tlsClientCa];
}

/** @throws Error when a file cannot be read or used */
function readTls(config: Config): TlsSettings | undefined {
  const files = tlsFiles(config);
  if (files === undefined) return undefined;
  const tls = settingsOf(files.map((file) => readFileSync(file, 'utf8')));
  secureOptions(tls);
  return tls;
}

function settingsOf([cert = '', key = '', clientCa]: readonly string[]): TlsSettings {
  return { cert, key, clientCa };
}

function contentsOf({ cert, key, clientCa }: TlsSettings): readonly string[] {
  return clientCa === undefined ? [cert, key] : [cert, key, clientCa];
}

/** One line for whoever did not mean it. */
function warnWhereOpen(
  { host, apiKeys, apiKeysFile, tlsCert, tlsClientCa }: Config,
  logger: Logger,
): void {
  if (isLoopback(host)) return;
  const hasKeys = apiKeys.length > 0 || apiKeysFile !== undefined;
  const open = [
    ...(hasKeys || tlsClientCa !== undefined
      ? []
      : [
          'whoever reaches it may use it (apiKeys, apiKeysFile or tlsClientCa would ask who it is)',
        ]),
    ...(tlsCert === undefined
      ? ['what is sent can be read on the way (tlsCert and tlsKey, or a proxy with TLS in front)']
      : []),
  ];
  if (open.length > 0) logger.warn({ host }, `open to the network: ${open.join('; ')}`);
}
