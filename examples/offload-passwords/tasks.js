/** What offload workers do: hash passwords with scrypt, slowly on purpose, and compare. */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** 32 MiB of memory and about 80 ms of a core. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** Gives what to keep in place of the password: salt and key as text. */
export function hash(password) {
  const salt = randomBytes(SALT_BYTES);
  return `${salt.toString('hex')}:${scryptSync(password, salt, KEY_BYTES, COST).toString('hex')}`;
}

/** Whether that password gave that hash. */
export function verify({ password, hashed }) {
  const [salt, key] = hashed.split(':').map((hex) => Buffer.from(hex, 'hex'));
  return timingSafeEqual(scryptSync(password, salt, KEY_BYTES, COST), key);
}
