import { pino } from 'pino';
import request from 'supertest';

import { createBareApps } from '../support/bare-app';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;

let lines: Record<string, any>[];
let apps: ReturnType<typeof createBareApps>;

beforeEach(() => {
  lines = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => lines.push(JSON.parse(line)) },
  );
  apps = createBareApps({ logger });
});
afterEach(() => {
  apps.close();
});

test.each(['/models', '/nothing', '/v1/models/m', '/v2', '/v2/health/live', '/metrics', '/docs'])(
  'a valid traceparent is answered and logged: %s',
  async (path) => {
    const { headers } = await request(apps.app).get(path).set('traceparent', PARENT);

    expect(headers.traceparent).toBe(PARENT);
    expect(lines.at(-1)).toMatchObject({ traceId: TRACE });
  },
);

test('a later version may have more', async () => {
  const later = `01-${TRACE}-b7ad6b7169203331-01-more`;
  const { headers } = await request(apps.app).get('/v2').set('traceparent', later);

  expect(headers.traceparent).toBe(later);
});

test.each([
  ['nothing', ''],
  ['another form', TRACE],
  ['a version that is not allowed', PARENT.replace(/^00/, 'ff')],
  ['capitals', PARENT.toUpperCase()],
  ['a trace of zeros', PARENT.replace(TRACE, '0'.repeat(32))],
  ['a parent of zeros', PARENT.replace('b7ad6b7169203331', '0'.repeat(16))],
  ['more than its version has', `${PARENT}-more`],
  ['too much', `01-${TRACE}-b7ad6b7169203331-01-${'a'.repeat(1000)}`],
  ['something to be logged', `${PARENT} "x"`],
])('%s is not taken over', async (_what, traceparent) => {
  const { headers } = await request(apps.app).get('/v2').set('traceparent', traceparent);

  expect(headers).not.toHaveProperty('traceparent');
  expect(lines.at(-1)).not.toHaveProperty('traceId');
});
