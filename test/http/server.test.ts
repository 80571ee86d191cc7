import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';

import { listen, type HttpServer } from '../../src/http/server';
import { TestAuthority } from '../support/certificates';

const OPTIONS = {
  host: '127.0.0.1',
  port: 0,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
};

interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
}

const authority = new TestAuthority('An authority');
const tls = { ...authority.issue('server'), clientCa: undefined };
afterAll(() => {
  authority.remove();
});

describe.each([
  ['plain', false],
  ['TLS', true],
])('%s:', (_transport, isSecure) => {
  const send = isSecure ? secureRequest : request;

  function connect(): Socket {
    const port = Number(new URL(server.url).port);
    return isSecure
      ? connectSecure({ port, host: '127.0.0.1', ca: authority.ca })
      : connectPlain(port, '127.0.0.1');
  }

  let server: HttpServer;
  let agent: Agent | SecureAgent;
  /** Requests that have not been answered. */
  let held: ServerResponse[];

  beforeEach(async () => {
    held = [];
    agent = isSecure
      ? new SecureAgent({ keepAlive: true, ca: authority.ca })
      : new Agent({ keepAlive: true });
    server = await listen(
      (asked, response) => {
        if (asked.url === '/held') held.push(response);
        else response.end('at once');
      },
      isSecure ? { ...OPTIONS, tls } : OPTIONS,
    );
  });
  afterEach(async () => {
    agent.destroy();
    server.destroy();
    await server.close();
  });

  async function get(path: string): Promise<Answer> {
    const [response] = (await once(send(`${server.url}${path}`, { agent }).end(), 'response')) as [
      IncomingMessage,
    ];
    await once(response.resume(), 'end');
    return { status: response.statusCode, connection: response.headers.connection };
  }

  /** Resolves when `condition` holds; each look waits for the next turn of the event loop. */
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }

  test('connections are kept until it drains, and from then on no answer keeps one', async () => {
    const before = await get('/');
    const inFlight = get('/held');
    await until(() => held.length === 1);

    server.drain();
    const after = await get('/');
    held[0]?.end();

    expect(before).toEqual({ status: 200, connection: 'keep-alive' });
    expect(after).toEqual({ status: 200, connection: 'close' });
    expect(await inFlight).toEqual({ status: 200, connection: 'close' });
  });

  test('it closes once what is in flight has been answered, whatever connections are idle', async () => {
    await get('/');
    const inFlight = get('/held');
    await until(() => held.length === 1);
    let closed = false;

    const close = server.close().then(() => {
      closed = true;
    });
    await get('/').catch(() => undefined);
    expect(closed).toBe(false);
    held[0]?.end();
    await close;

    expect(await inFlight).toEqual({ status: 200, connection: 'close' });
    await expect(get('/')).rejects.toThrow('ECONNREFUSED');
  });

  test('a connection that has not sent a byte does not hold up the end', async () => {
    const socket = connect();
    await once(socket, isSecure ? 'secureConnect' : 'connect');
    await get('/');

    await server.close();

    await once(socket.resume(), 'close');
  });

  test('connections that wait to be accepted when it closes are answered', async () => {
    const waiting = Array.from({ length: 64 }, () => get('/'));

    // The kernel has made the connections, and no turn of the event loop has taken them.
    await server.close();

    const answers = await Promise.all(waiting);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(64);
  });

  test('"100 Continue" comes before the answer that it belongs to, pipelined too', async () => {
    const socket = connect();
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    const post =
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n';

    socket.write(`GET /held HTTP/1.1\r\nHost: test\r\n\r\n${post}x`);
    await until(() => held.length === 1);
    held[0]?.end('held');
    await once(socket, 'close');

    // Heads without their headers, and bodies: the second was answered while the first was held. As its client was
    // never told to go on, Node ends the connection.
    const parts = text.split('\r\n\r\n').map((part) => part.replace(/(HTTP[^\r]*)\r\n.*/s, '$1'));
    expect(parts.join(' | ')).toBe('HTTP/1.1 200 OK | heldHTTP/1.1 200 OK | at once');
  });

  test('a client that waits for "100 Continue" gets it', async () => {
    const posted = send(`${server.url}/`, {
      agent,
      method: 'POST',
      headers: { Expect: '100-continue' },
    });
    const answered = once(posted, 'response');
    posted.flushHeaders();

    await once(posted, 'continue');
    posted.end('x');

    const [response] = (await answered) as [IncomingMessage];
    expect(response.resume().statusCode).toBe(200);
  });

  /** What the server answers to bytes, until it closes the connection. */
  async function raw(bytes: string): Promise<{ head: string; body: string }> {
    const socket = connect();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write(bytes);
    await once(socket, 'close');
    const [head = '', body = ''] = text.split('\r\n\r\n');
    return { head, body };
  }

  test.each(['no HTTP at all\r\n\r\n', 'GET / HTTP/1.1\r\nbad header\r\n\r\n'])(
    'what is not a request is told so, with an id: %j',
    async (bytes) => {
      const { head, body } = await raw(bytes);

      const problem = JSON.parse(body) as { code: string; detail: string; requestId: string };
      expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(head).toContain('X-Error-Code: BAD_REQUEST');
      expect(head).toContain(`X-Request-Id: ${problem.requestId}`);
      expect(problem.detail).toMatch(/^This is not an HTTP request: ./);
    },
  );

  test('a head that is too large is answered 431', async () => {
    const { head, body } = await raw(`GET / HTTP/1.1\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`);

    expect(head).toMatch(/^HTTP\/1\.1 431 /);
    expect(head).toMatch(/X-Request-Id: [\w-]{36}/);
    expect(body).toBe('');
  });

  test.each([
    ['has begun', true],
    ['is still to come', false],
  ])('it is not taken for the answer to the request before it, which %s', async (_what, begun) => {
    const socket = connect();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => held.length === 1);
    if (begun) {
      held[0]?.write('begun');
      await until(() => text.includes('begun'));
    }

    socket.write('no HTTP at all\r\n\r\n');
    await once(socket, 'close');

    expect(text).not.toContain('400');
  });

  test('a body that is not one fails its own request', async () => {
    const { head } = await raw(
      'POST /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n',
    );

    expect(head).toMatch(/^HTTP\/1\.1 400 /);
  });
});
