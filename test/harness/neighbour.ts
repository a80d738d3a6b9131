import { afterEach, beforeEach, expect } from 'vitest';
import { Client } from './client.ts';
import type { FixtureServer } from './fixture-server.ts';

/**
 * Keeps a connection open to `/echo` beside each test of the file or block it is called in. Afterwards it must still be
 * served and close in order, and no loop may have been replaced.
 */
export function watchNeighbour(server: () => FixtureServer): void {
  let neighbour: Client;

  beforeEach(async () => {
    neighbour = await Client.open(server().url('/echo'));
  });

  afterEach(async () => {
    neighbour.send('unharmed');
    expect(await neighbour.next()).toBe('unharmed');
    neighbour.socket.close(1000);
    expect(await neighbour.closed).toEqual({ code: 1000, reason: '' });
    expect(server().generations).toEqual([1]);
  });
}
