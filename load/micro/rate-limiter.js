/** Rate limiters that no other thread uses meanwhile. */
import { SharedState } from '../../dist/shared/state.js';
import { bench } from './bench.js';

const KEYS = 10_000;
const state = new SharedState(SharedState.create(2 ** 26), 1);
const keys = Array.from({ length: KEYS }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
const MANY = 2 ** 31 - 1;

const wide = state.rateLimiter('wide', { limit: MANY, windowMs: 60_000 });
bench('rateLimiter.take, allowed, one key', (n) => {
  for (let i = 0; i < n; i++) wide.take('10.0.0.1');
});
bench('rateLimiter.take, allowed, 10,000 keys', (n) => {
  for (let i = 0; i < n; i++) wide.take(keys[i % KEYS]);
});
const spread = state.rateLimiter('spread', { limit: MANY, windowMs: 60_000, burst: MANY });
bench('rateLimiter.take, allowed, 10,000 keys, with a burst', (n) => {
  for (let i = 0; i < n; i++) spread.take(keys[i % KEYS]);
});
const narrow = state.rateLimiter('narrow', { limit: 10, windowMs: 60_000 });
bench('rateLimiter.take, refused, 10,000 keys', (n) => {
  for (let i = 0; i < n; i++) narrow.take(keys[i % KEYS]);
});
