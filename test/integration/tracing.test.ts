import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Client, refusal } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { ServerProcess } from '../harness/server-process.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const traceparent = `00-${TRACE_ID}-${PARENT}-01`;
const ERROR = 2;
const SERVER_KIND = 1;

interface SeenSpan {
  readonly kind: number;
  readonly attributes: Record<string, unknown>;
  readonly status: { code: number; message?: string };
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | null;
  readonly failures: string[];
}

let server: FixtureServer;
beforeAll(async () => {
  server = await FixtureServer.start('traced-app.js');
});
afterAll(() => server.close());

const span = async (name: string): Promise<SeenSpan> => (await server.seen(name)) as SeenSpan;

describe('with an OpenTelemetry SDK in the app module', () => {
  let client: Client | undefined;
  beforeEach(() => {
    client?.socket.terminate();
  });

  it("makes an upgrade a span of the client's trace, with those of the app below it", async () => {
    client = await Client.open(server.url('/rooms/blue?x=1'), [], { headers: { traceparent } });
    const upgrade = await span('GET /rooms/:room');
    expect(upgrade).toMatchObject({ kind: SERVER_KIND, traceId: TRACE_ID, parent: PARENT });
    expect(upgrade.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/rooms/:room',
      'url.path': '/rooms/blue',
      'http.response.status_code': 101,
      'client.address': '127.0.0.1',
    });
    for (const name of ['in shouldUpgrade', 'after an await'])
      expect(await span(name)).toMatchObject({ traceId: TRACE_ID, parent: upgrade.spanId });
    const own = `00-${TRACE_ID}-${upgrade.spanId}-01`;
    expect(await server.seen('upgraded')).toEqual({ ws: own, req: own, active: upgrade.spanId });
  });

  it.each([
    ['closed', 403, 0],
    ['broken', 500, ERROR],
  ])(
    'says in the span what was answered when a handshake comes to nothing: %s',
    async (room, status, code) => {
      await refusal(server.url(`/rooms/${room}`));
      const upgrade = await span('GET /rooms/:room');
      expect(upgrade.status.code).toBe(code);
      if (status === 500) expect(upgrade.failures).toEqual(['no such room']);
      else expect(upgrade.attributes['http.response.status_code']).toBe(status);
      expect(upgrade.parent).toBeNull();
    },
  );

  it('starts a trace of its own when the client names none that is valid', async () => {
    for (const header of ['', traceparent.replace(TRACE_ID, '0'.repeat(32))]) {
      client = await Client.open(server.url('/rooms/blue'), [], { headers: { traceparent: header } });
      const upgrade = await span('GET /rooms/:room');
      expect(upgrade.parent).toBeNull();
      expect(await server.seen('upgraded')).toMatchObject({ active: upgrade.spanId });
      client.socket.terminate();
    }
  });

  it('makes a task a span below the one that was active', async () => {
    await Client.open(server.url('/tasks/thread'), [], { headers: { traceparent } });
    const upgrade = await span('GET /tasks/:task');
    expect(await span('offload thread')).toMatchObject({
      traceId: TRACE_ID,
      parent: upgrade.spanId,
      attributes: { 'polyloop.task': 'thread' },
      status: { code: 0 },
    });
    await Client.open(server.url('/tasks/boil'));
    expect(await span('offload boil')).toMatchObject({
      status: { code: ERROR, message: 'cannot boil 1' },
    });
  });
});

describe('without an SDK', () => {
  it("gives the client's header to handlers, and its trace to log lines about the connection", async () => {
    const plain = await ServerProcess.start(
      '--workers',
      '1',
      '--app',
      new URL('../fixtures/traceparent-app.js', import.meta.url).pathname,
    );
    const open = async (header: string): Promise<[string, Client]> => {
      const client = await Client.open(plain.url('/'), [], { headers: { traceparent: header } });
      return [String(await client.next()), client];
    };
    const [seen, client] = await open(traceparent);
    expect(JSON.parse(seen)).toEqual({ ws: traceparent, req: traceparent });
    client.socket.send('fail');
    expect(await plain.line('callback failed')).toMatchObject({ trace_id: TRACE_ID });
    const [later] = await open(`01-${TRACE_ID}-${PARENT}-01-more`);
    expect(JSON.parse(later).ws).toBe(`01-${TRACE_ID}-${PARENT}-01-more`);
    for (const wrong of [
      traceparent.toUpperCase(),
      `${traceparent}-more`,
      `ff-${TRACE_ID}-${PARENT}-01`,
      `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
      `00-${'0'.repeat(32)}-${PARENT}-01`,
      `00-${TRACE_ID}-${PARENT}`,
      'x',
    ]) {
      const [text] = await open(wrong);
      expect(JSON.parse(text), wrong).toEqual({ ws: null, req: null });
    }
    expect(await plain.stop()).toEqual({ code: 0, signal: null });
  });
});
