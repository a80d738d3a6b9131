/**
 * Checks a history of calls by several threads: is there an order of all of them, one that keeps every call between its start and
 * its end, in which each call has the result that it would have alone? After J. M. Wing and C. Gong, "Testing and verifying
 * concurrent objects", 1993, with the configurations that were seen remembered, as in G. Lowe, "Testing for
 * linearizability", 2017. A thread makes one call at a time, so a configuration is how many calls of each thread are done,
 * and the state.
 */
export interface Call<Op, Result> {
  readonly op: Op;
  readonly result: Result;
  /** Moments on one clock of all threads that goes on with every reading. */
  readonly start: number;
  readonly end: number;
}

/** What the object is: the next state and the result of a call alone. States are told apart by `===`. */
export type Specification<State, Op, Result> = (state: State, op: Op) => readonly [State, Result];

export function isLinearizable<State, Op, Result>(
  threads: readonly (readonly Call<Op, Result>[])[],
  initial: State,
  specification: Specification<State, Op, Result>,
): boolean {
  const seen = new Set<string>();
  const pending: { readonly done: readonly number[]; readonly state: State }[] = [];
  const visit = (done: readonly number[], state: State): void => {
    const name = `${done.join()} ${String(state)}`;
    if (seen.has(name)) return;
    seen.add(name);
    pending.push({ done, state });
  };
  visit(
    threads.map(() => 0),
    initial,
  );
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { done, state } = next;
    const calls = threads.map((thread, index) => thread[done[index] as number]);
    if (calls.every((call) => call === undefined)) return true;
    // The call that ends first must come before whatever starts later.
    const firstEnd = Math.min(...calls.map((call) => call?.end ?? Number.POSITIVE_INFINITY));
    for (const [index, call] of calls.entries()) {
      if (call === undefined || call.start > firstEnd) continue;
      const [after, result] = specification(state, call.op);
      if (result === call.result) visit(done.with(index, (done[index] as number) + 1), after);
    }
  }
  return false;
}
