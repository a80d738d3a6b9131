/**
 * The client: connects, sends texts, hears them again, and closes.
 *
 * Run: npx tsx examples/echo-client/client.ts ws://localhost:3000/echo hello world
 * Try: the same with ws://localhost:3000/deny, or with a port where nobody listens (the server is `node dist/server.js`)
 *
 * Structure: `connect` gives an open connection or rejects, with `UpgradeRejectedError` when the server refuses, and with
 * `ConnectError` when there is none. From then on nothing throws: texts come to `onText`, and `onClose` resolves however it ends.
 */
import { ConnectError, connect, UpgradeRejectedError } from 'polyloop';

const HANDSHAKE_TIMEOUT_MS = 5000;

/** Sends all texts, and resolves when each has come back. */
async function echo(url: string, texts: readonly string[]): Promise<void> {
  const ws = await connect(url, { handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS });
  let missing = texts.length;
  ws.onText((ws, text) => {
    console.log(text);
    if (--missing === 0) ws.close(1000, 'done');
  });
  for (const text of texts) ws.send(text);
  const { code, reason } = await ws.onClose;
  if (missing > 0) throw new Error(`closed with ${code} ${reason} before ${missing} texts were back`);
}

const [url = 'ws://localhost:3000/echo', ...texts] = process.argv.slice(2);
try {
  await echo(url, texts.length > 0 ? texts : ['hello']);
} catch (error) {
  process.exitCode = 1;
  if (error instanceof UpgradeRejectedError) console.error(`refused with ${error.status}: ${error.body}`);
  else if (error instanceof ConnectError) console.error(`${error.code}: ${error.message}`);
  else console.error(String(error));
}
