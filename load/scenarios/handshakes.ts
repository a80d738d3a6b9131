import { type Case, generate, type Scenario } from '../scenario.ts';

interface HandshakesCase extends Case {
  readonly atATime: number;
}

const cases: readonly HandshakesCase[] = [
  { name: 'connect, upgrade, close', needs: 'upgrade', atATime: 100 },
];

export default {
  name: 'handshakes',
  shows: 'What a connection costs that comes, is upgraded, and goes with a close handshake.',
  unit: 'upgrade',
  cases,
  run: (target, { atATime }, seconds) =>
    generate(target, { kind: 'handshakes', path: '/upgrade', atATime }, seconds),
} satisfies Scenario<HandshakesCase>;
