/** Words of the stack that one call here may need at most: three times what was measured with unoptimized code. */
const WORDS = 384;
const ARGUMENTS = new Array<number>(WORDS).fill(0);

function ignore(..._args: number[]): void {}

/**
 * Throws the `RangeError` of an overflowing stack now, if it would come soon. Called before a lock is taken: what is done
 * under the lock then has room, and is not left half done by a throw from the middle of it, nor the lock left taken.
 *
 * Passing the arguments pushes them all on the stack, and the engine checks first that they fit.
 */
export function ensureStackRoom(): void {
  ignore(...ARGUMENTS);
}
