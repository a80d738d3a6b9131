import { type Case, generate, type Scenario } from '../scenario.ts';

interface IdleCase extends Case {
  readonly path: string;
}

const CONNECTIONS = 16_000;

const cases: readonly IdleCase[] = [
  { name: 'waiting, with callbacks for text and closing', needs: 'idle', path: '/idle' },
  { name: 'subscribed to one of 100 channels', needs: 'channel', path: '/channel/*' },
];

export default {
  name: 'idle',
  shows: 'What the server and the kernel keep for a connection on which nothing happens.',
  unit: 'connection',
  cases,
  run: (target, { path }, seconds) =>
    generate(target, { kind: 'idle', path, connections: CONNECTIONS }, seconds),
} satisfies Scenario<IdleCase>;
