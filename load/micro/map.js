/** A map with many entries, values of 100 bytes, that no other thread uses meanwhile. */
import { SharedState } from '../../dist/shared/state.js';
import { bench } from './bench.js';

const ENTRIES = 10_000;
const map = new SharedState(SharedState.create(2 ** 26), 1).map('values');
const keys = Array.from({ length: ENTRIES }, (_, i) => `user:${i}`);
const bytes = new Uint8Array(100).fill(1);
/** 100 bytes as JSON. */
const json = { name: 'x'.repeat(44), score: 123456, team: 'blue', at: 1700000000 };

for (const [kind, value] of Object.entries({ bytes: bytes, JSON: json })) {
  for (const key of keys) map.set(key, value);
  bench(`map.get, 100 bytes of ${kind}`, (n) => {
    for (let i = 0; i < n; i++) map.get(keys[i % ENTRIES]);
  });
  bench(`map.set, 100 bytes of ${kind}`, (n) => {
    for (let i = 0; i < n; i++) map.set(keys[i % ENTRIES], value);
  });
}
bench('map.has', (n) => {
  for (let i = 0; i < n; i++) map.has(keys[i % ENTRIES]);
});
bench('map.update, 100 bytes of JSON', (n) => {
  for (let i = 0; i < n; i++) map.update(keys[i % ENTRIES], (value) => value);
});
