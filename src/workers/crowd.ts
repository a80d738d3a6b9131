/**
 * The connections of a loop: a set in which each member knows its place in an array, which takes half the memory of a `Set`. They can be
 * gone through bit by bit, in rounds, while members come and go:
 *
 * ```
 * members   ├ to be asked in this round ┤ asked, or come since the round began ┤
 *           0                         left                                   size
 * ```
 */
export const PLACE = Symbol('place');

export interface CrowdMember {
  /** Its index while it is in a crowd. Changed by the crowd alone. */
  [PLACE]: number;
}

export class Crowd<Member extends CrowdMember> implements Iterable<Member> {
  readonly #members: Member[] = [];
  #left = 0;

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member[PLACE] = this.#members.length;
    this.#members.push(member);
  }

  /** Does nothing when it is no member. */
  delete(member: Member): void {
    let hole = member[PLACE];
    if (this.#members[hole] !== member) return;
    if (hole < this.#left) {
      this.#left--;
      this.#move(this.#left, hole);
      hole = this.#left;
    }
    this.#move(this.#members.length - 1, hole);
    this.#members.pop();
  }

  #move(from: number, to: number): void {
    const member = this.#members[from];
    if (member === undefined || from === to) return;
    member[PLACE] = to;
    this.#members[to] = member;
  }

  /** Those who are here now will be asked. */
  beginRound(): void {
    this.#left = this.#members.length;
  }

  /** One who was here when the round began, is still here, and has not been asked in it; undefined when there is none left. */
  nextInRound(): Member | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return this.#members[this.#left];
  }

  /** From the last to the first. Who leaves meanwhile leaves nobody out who stays; but somebody may come twice. */
  *[Symbol.iterator](): Iterator<Member> {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place];
      if (member !== undefined) yield member;
    }
  }
}
