import { type Case, generate, type Scenario } from '../scenario.ts';

interface ReconnectCase extends Case {
  readonly connections: number;
  readonly atATime: number;
}

const cases: readonly ReconnectCase[] = [
  { name: '5,000 connections break and come back', needs: 'echo', connections: 5000, atATime: 200 },
];

export default {
  name: 'reconnect-storm',
  shows: 'How quickly clients are back that have all lost their connections at the same moment.',
  unit: 'connection',
  cases,
  run: (target, { connections, atATime }, seconds) =>
    generate(target, { kind: 'connects', path: '/echo', connections, atATime, again: true }, seconds),
} satisfies Scenario<ReconnectCase>;
