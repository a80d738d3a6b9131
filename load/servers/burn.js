// What a handler that computes does: some 200 µs of arithmetic, as long on every server of a run.
const ITERATIONS = 165_000;

export function burn() {
  let value = 1;
  for (let i = 0; i < ITERATIONS; i++) value = (Math.imul(value, 1103515245) + 12345) | 0;
  return value;
}
