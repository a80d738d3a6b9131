import { type Case, generate, type Scenario } from '../scenario.ts';

interface EchoCase extends Case {
  readonly needs: 'echo' | 'text';
  readonly connections: number;
  readonly bytes: number;
  readonly inFlight: number;
}

const cases: readonly EchoCase[] = [
  { name: '20 B, 50 connections', needs: 'echo', connections: 50, bytes: 20, inFlight: 1 },
  { name: '20 B, 50 connections, 64 in flight', needs: 'echo', connections: 50, bytes: 20, inFlight: 64 },
  { name: '1 KiB, 50 connections, 8 in flight', needs: 'echo', connections: 50, bytes: 1024, inFlight: 8 },
  { name: '64 KiB, 4 connections', needs: 'echo', connections: 4, bytes: 65_500, inFlight: 1 },
  { name: '20 B of text, decoded', needs: 'text', connections: 50, bytes: 20, inFlight: 1 },
  { name: '20 B of text, decoded, 64 in flight', needs: 'text', connections: 50, bytes: 20, inFlight: 64 },
];

export default {
  name: 'echo',
  shows: 'What a message costs that comes in and goes out again, small and large, alone and among others.',
  unit: 'message',
  cases,
  run: (target, one, seconds) => {
    const { needs, connections, bytes, inFlight } = one;
    const path = needs === 'text' ? '/text' : '/echo';
    const load = { kind: 'echo', path, connections, bytes, inFlight, isText: needs === 'text' } as const;
    return generate(target, load, seconds);
  },
} satisfies Scenario<EchoCase>;
