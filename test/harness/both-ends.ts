import { afterAll, beforeAll, describe } from 'vitest';
import { ClientEnd } from './client-end.ts';
import type { Connection, End, EndOptions, OpenOptions } from './end.ts';
import { ServerEnd } from './server-end.ts';

/** What tests of both ends are given; to be used within tests only. */
export interface UnderTest {
  readonly side: End['side'];
  open(options?: OpenOptions): Promise<Connection>;
  failures(): Promise<number>;
}

const ENDS = [
  { side: 'server', start: ServerEnd.start },
  { side: 'client', start: ClientEnd.start },
] as const;

/** Declares the same tests for the server's connections and for the client's. */
export function atBothEnds(declare: (end: UnderTest) => void, options: EndOptions = {}): void {
  describe.each(ENDS)('a connection of the $side', ({ side, start }) => {
    let end: End;

    beforeAll(async () => {
      end = await start(options);
    });
    afterAll(() => end.close());

    declare({ side, open: (options) => end.open(options), failures: () => end.failures() });
  });
}
