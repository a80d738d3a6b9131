/** A shared counter that no other thread uses meanwhile. */
import { SharedState } from '../../dist/shared/state.js';
import { bench } from './bench.js';

const state = new SharedState(SharedState.create(2 ** 20), 1);
const counter = state.counter('visits');

bench('counter.add', (n) => {
  for (let i = 0; i < n; i++) counter.add(1);
});
bench('counter.get', (n) => {
  for (let i = 0; i < n; i++) counter.get();
});
bench('counter.add, looked up by its name', (n) => {
  for (let i = 0; i < n; i++) state.counter('visits').add(1);
});
