/** What a reader has read so far, and still has to. */
import { workerData } from 'node:worker_threads';
import { MESSAGE_WORDS, serve } from './move.js';

/** Serves as a reader. Returns what is to be called with each message: 25 words of `words` from `at` on. */
export function tally() {
  const { writers } = workerData;
  let left = 0;
  let sum = 0;
  let done;
  // Messages may come before the word to expect them.
  const finish = () => {
    if (left !== 0 || done === undefined) return;
    done(sum);
    done = undefined;
    sum = 0;
  };
  serve((count) => {
    left += count * writers;
    return new Promise((resolve) => {
      done = resolve;
      finish();
    });
  });
  return (words, at) => {
    let own = 0;
    for (let i = at; i < at + MESSAGE_WORDS; i++) own += words[i];
    sum += own;
    left--;
    if (left === 0) finish();
  };
}
