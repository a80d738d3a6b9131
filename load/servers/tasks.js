// A CPU-heavy task: some 50 ms of arithmetic.
import { burn } from './burn.js';

const TIMES = 250;

export function burnLong() {
  for (let i = 0; i < TIMES; i++) burn();
}
