/**
 * A login that cannot be tried too often, neither from one address nor for one name, on whichever loops the tries arrive.
 *
 * Run: node dist/server.js --app examples/login-throttle/app.js
 * Try: npx wscat --auth ada:lovelace --connect ws://localhost:3000/account
 *
 * Structure: `shouldUpgrade` decides before there is a connection. Each try takes from two limiters that all loops share, first the
 * one of the address, so that whoever has used up that one cannot use up the budget of a name. A refusal is 429 with
 * `Retry-After`, and costs no password check. Tries are counted and not failures: counting these would let a burst of tries
 * through before the first has failed. The price is that a stranger can lock a name for a while: keep its limit generous. Behind
 * a proxy all clients have its address. Browsers cannot set `Authorization` for a WebSocket: there, use a cookie or a token.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { defineApp } from 'polyloop';

const MINUTE = 60_000;
const PER_ADDRESS = { limit: 20, windowMs: MINUTE };
const PER_NAME = { limit: 5, windowMs: MINUTE };

const CHALLENGE = { 'www-authenticate': 'Basic realm="account", charset="UTF-8"' };

const hash = (password, salt) => promisify(scrypt)(password, salt, 32);

/** For names that do not exist, so that these take as long. */
const NOBODY = { salt: 'nobody', key: Buffer.alloc(32) };
const USERS = new Map([['ada', { salt: 'pepper', key: await hash('lovelace', 'pepper') }]]);

async function isRight(name, password) {
  const { salt, key } = USERS.get(name) ?? NOBODY;
  return timingSafeEqual(await hash(password, salt), key) && USERS.has(name);
}

/** Name and password of `Authorization: Basic …` (RFC 7617). Names that differ in case only are one name, with one budget. */
function credentialsOf(headers) {
  const [, encoded] = /^Basic ([\w+/=]+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  const [, name, password] =
    /^([^:]{1,64}):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  return name === undefined ? null : { name: name.normalize('NFKC').toLowerCase(), password };
}

export default defineApp((loop) => {
  const perAddress = loop.shared.rateLimiter('logins per address', PER_ADDRESS);
  const perName = loop.shared.rateLimiter('logins per name', PER_NAME);

  /** Takes one try out of both budgets. Milliseconds to wait when there is none, else 0. */
  function takeTry(address, name) {
    const byAddress = perAddress.take(address);
    return byAddress.allowed ? perName.take(name).retryAfterMs : byAddress.retryAfterMs;
  }

  loop.webSocket('/account', {
    async shouldUpgrade({ headers, remoteAddress }) {
      const credentials = credentialsOf(headers);
      if (credentials === null) return { status: 401, headers: CHALLENGE, body: 'who are you?' };
      const { name, password } = credentials;

      const waitMs = takeTry(remoteAddress, name);
      if (waitMs > 0) {
        const headers = { 'retry-after': String(Math.ceil(waitMs / 1000)) };
        return { status: 429, headers, body: 'too many tries' };
      }
      if (await isRight(name, password)) return {};
      return { status: 401, headers: CHALLENGE, body: 'wrong name or password' };
    },

    onUpgrade(ws, { headers }) {
      ws.send(`Welcome ${credentialsOf(headers)?.name}, on loop ${loop.id}`);
    },
  });
});
