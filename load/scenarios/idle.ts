import { type Case, generate, type Scenario } from '../scenario.ts';

interface IdleCase extends Case {
  readonly path: string;
}

/** Between them, what each connection adds; what the process takes by itself varies by some MiB, so the fewer are not none. */
const FEW = 1000;
const MANY = 16_000;

const cases: readonly IdleCase[] = [
  { name: 'waiting, with callbacks for text and closing', needs: 'idle', path: '/idle' },
  { name: 'subscribed to one of 100 channels', needs: 'channel', path: '/channel/*' },
];

export default {
  name: 'idle',
  shows: 'What the server and the kernel keep for a connection on which nothing happens.',
  unit: 'connection',
  cases,
  async run(target, { path }, seconds) {
    const few = await generate(target, { kind: 'idle', path, connections: FEW }, seconds);
    if (few.figures === null) return few;
    const many = await generate(target, { kind: 'idle', path, connections: MANY }, seconds);
    if (many.figures === null) return many;
    const slope = (name: string): number =>
      ((many.figures?.more?.[name] ?? Number.NaN) - (few.figures?.more?.[name] ?? Number.NaN)) / (MANY - FEW);
    // The generator's end of each connection is in the kernel too.
    const more = {
      bytesPerConnection: slope('anonymousBytes'),
      kernelBytesPerConnection: slope('kernelBytes') / 2,
    };
    return { ...many, figures: { ...many.figures, more } };
  },
} satisfies Scenario<IdleCase>;
