import { type Case, generate, type Scenario } from '../scenario.ts';

interface ConnectCase extends Case {
  readonly connections: number;
  readonly atATime: number;
}

const cases: readonly ConnectCase[] = [
  { name: '5,000 connections, 200 at a time', needs: 'echo', connections: 5000, atATime: 200 },
];

export default {
  name: 'connect-storm',
  shows: 'How quickly many clients get in that all come at once and stay.',
  unit: 'connection',
  cases,
  run: (target, { connections, atATime }, seconds) =>
    generate(target, { kind: 'connects', path: '/echo', connections, atATime, again: false }, seconds),
} satisfies Scenario<ConnectCase>;
