import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

type Value = string | number | boolean | bigint;

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it has none. */
  readonly parent: string;
  /** 2: server, 1: internal. */
  readonly kind: number;
  /** Nanoseconds. */
  readonly from: bigint;
  readonly to: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  /** Ids of the spans that it is linked with. */
  readonly links: readonly string[];
  /** 2: an error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, Value>>;
}

export interface TraceReceiver {
  readonly url: string;
  /** So far. */
  readonly spans: readonly ReceivedSpan[];
  /** Headers of every request. */
  readonly headers: readonly NodeJS.Dict<string | string[]>[];
  close(): void;
}

/** Takes traces as OTLP over HTTP in protobuf, at /v1/traces. */
export async function startTraceReceiver(): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      headers.push(request.headers);
      const isRight =
        request.url === '/v1/traces' &&
        request.headers['content-type'] === 'application/x-protobuf';
      if (isRight) spans.push(...spansIn(body));
      response.writeHead(isRight ? 200 : 404).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

type Field = string | bigint | Buffer;

/** The fields of a message by their numbers: bytes as they are, numbers as bigint. */
function fieldsOf(message: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(message);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const value =
      type === WireType.LengthDelimited
        ? Buffer.from(reader.bytes())
        : type === WireType.Varint
          ? BigInt(reader.int64())
          : type === WireType.Bit64
            ? BigInt(reader.fixed64())
            : BigInt(reader.fixed32());
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Map<number, Field[]>, number: number): Buffer[] =>
  (fields.get(number) ?? []) as Buffer[];
const hex = (fields: Map<number, Field[]>, number: number): string =>
  messages(fields, number)[0]?.toString('hex') ?? '';
const text = (fields: Map<number, Field[]>, number: number): string =>
  messages(fields, number)[0]?.toString('utf8') ?? '';
const whole = (fields: Map<number, Field[]>, number: number): bigint =>
  (fields.get(number)?.[0] as bigint | undefined) ?? 0n;

/** Numbers of the fields as opentelemetry-proto has them. */
function spansIn(body: Uint8Array): ReceivedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((resourceSpans) => {
    const ofResource = fieldsOf(resourceSpans);
    const resource = messages(ofResource, 1).map((one) => attributesIn(fieldsOf(one), 1));
    return messages(ofResource, 2)
      .flatMap((scopeSpans) => messages(fieldsOf(scopeSpans), 2))
      .map((message) => {
        const span = fieldsOf(message);
        return {
          traceId: hex(span, 1),
          spanId: hex(span, 2),
          parent: hex(span, 4),
          name: text(span, 5),
          kind: Number(whole(span, 6)),
          from: whole(span, 7),
          to: whole(span, 8),
          attributes: attributesIn(span, 9),
          links: messages(span, 13).map((link) => hex(fieldsOf(link), 2)),
          status: Number(whole(fieldsOf(messages(span, 15)[0] ?? new Uint8Array()), 3)),
          resource: resource[0] ?? {},
        };
      });
  });
}

/** Texts, booleans and whole numbers; others are left out. */
function attributesIn(fields: Map<number, Field[]>, number: number): Record<string, Value> {
  const entries = messages(fields, number).flatMap((attribute): [string, Value][] => {
    const pair = fieldsOf(attribute);
    const value = fieldsOf(messages(pair, 2)[0] ?? new Uint8Array());
    const key = text(pair, 1);
    if (value.has(1)) return [[key, text(value, 1)]];
    if (value.has(2)) return [[key, whole(value, 2) === 1n]];
    return value.has(3) ? [[key, Number(whole(value, 3))]] : [];
  });
  return Object.fromEntries(entries);
}
