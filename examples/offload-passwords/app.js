/**
 * Accounts with passwords, hashed where it does not hold up anybody else.
 *
 * Run: node dist/server.js --app examples/offload-passwords/app.js
 * Try: npx wscat -c ws://localhost:3000/, then {"do":"register","name":"ada","password":"correct horse"}, the same with "login",
 * and {"do":"ping"} meanwhile
 *
 * Structure: `tasks.js` has the two functions that compute, and nothing of Polyloop; it is loaded by offload workers, not by the loops.
 * Here a request is answered when its task is done; a loop serves its other connections meanwhile. A task is given up when its
 * connection closes (`whileOpen`), and a client is told to come back when too many wait. Hashes are in a map that all loops share.
 */
import { defineApp, defineTasks, OffloadQueueFullError } from 'polyloop';

/** @type {import('polyloop').Tasks<typeof import('./tasks.js')>} */
const tasks = defineTasks(new URL('./tasks.js', import.meta.url));

export default defineApp((loop) => {
  const accounts = loop.shared.map('accounts');

  const ANSWERS = {
    ping: async () => 'pong',

    async register(ws, { name, password }) {
      if (accounts.has(name)) return 'taken';
      const hashed = await loop.offload(tasks.hash, password, { whileOpen: ws });
      // Somebody may have been quicker, on any loop.
      return accounts.update(name, (present) => present ?? hashed) === hashed ? 'registered' : 'taken';
    },

    async login(ws, { name, password }) {
      const hashed = accounts.get(name);
      if (hashed === undefined) return 'refused';
      const isRight = await loop.offload(tasks.verify, { password, hashed }, { whileOpen: ws });
      return isRight ? 'welcome' : 'refused';
    },
  };

  loop.webSocket('/', {
    onUpgrade(ws) {
      ws.onText(async (ws, text) => {
        const request = JSON.parse(text);
        try {
          ws.send((await ANSWERS[request.do]?.(ws, request)) ?? 'what?');
        } catch (error) {
          if (!(error instanceof OffloadQueueFullError)) throw error;
          ws.send('busy');
        }
      });
    },
  });

  loop.fetch(() => Response.json(loop.loops().map(({ lagMs }) => lagMs)));
});
