import { type Case, generate, type Scenario } from '../scenario.ts';

interface ChatCase extends Case {
  readonly people: number;
  readonly channels: number;
  readonly each: number;
}

const MESSAGE_BYTES = 60;
const cases: readonly ChatCase[] = [
  { name: '200 people, 3 of 100 channels each', needs: 'chat', people: 200, channels: 100, each: 3 },
];

export default {
  name: 'chat',
  shows: 'A few popular channels and many quiet ones, with people who come, talk, and go elsewhere.',
  unit: 'delivery',
  cases,
  run: (target, { people, channels, each }, seconds) =>
    generate(target, { kind: 'chat', people, channels, each, bytes: MESSAGE_BYTES }, seconds),
} satisfies Scenario<ChatCase>;
