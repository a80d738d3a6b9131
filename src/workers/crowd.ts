/**
 * The connections of a loop: a set in which each member knows its place in an array, which takes half the memory of a `Set`. It is gone
 * through from the end, while members come and go: none that stays is left out, what comes waits for the next time, and one that
 * takes the place of another may come twice.
 */
export interface CrowdMember {
  /** Its index while it is in a crowd. Changed by the crowd alone. */
  place: number;
}

export class Crowd<Member extends CrowdMember> implements Iterable<Member> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** Does nothing when it is no member. */
  delete(member: Member): void {
    const { place } = member;
    if (this.#members[place] !== member) return;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    last.place = place;
    this.#members[place] = last;
  }

  *[Symbol.iterator](): Iterator<Member> {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place];
      if (member !== undefined) yield member;
    }
  }
}
