import { type Case, generate, type Scenario } from '../scenario.ts';

interface HttpCase extends Case {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly body: string;
}

const CONNECTIONS = 50;
const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

const cases: readonly HttpCase[] = [
  { name: 'plain request', needs: 'http', path: '/', status: 200, body: 'hello' },
  {
    name: 'refused upgrade',
    needs: 'refuse',
    path: '/refuse',
    headers: HANDSHAKE,
    status: 403,
    body: '403 Forbidden',
  },
  { name: 'mounted app (Hono)', needs: 'app', path: '/app/ada', status: 200, body: '{"hello":"ada"}' },
];

export default {
  name: 'http',
  shows:
    'What plain HTTP costs beside the WebSockets: a small answer, an upgrade that is refused, a mounted app.',
  unit: 'request',
  cases,
  run: (target, { path, headers, status, body }, seconds) => {
    const load = { kind: 'http', path, connections: CONNECTIONS, status, body } as const;
    return generate(target, headers === undefined ? load : { ...load, headers }, seconds);
  },
} satisfies Scenario<HttpCase>;
