import { expect, it } from 'vitest';
import { Acceptor } from '../../src/primary/acceptor.ts';
import { tlsHandshake } from '../harness/tls.ts';

it('shows no certificate, so none that is out of date, when no loop is there', async () => {
  const acceptor = new Acceptor(true);
  const port = await acceptor.listen('127.0.0.1', 0);
  await expect(tlsHandshake(port)).rejects.toThrow();
  acceptor.close();
});
