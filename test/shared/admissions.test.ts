import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admissions, type ConnectionLimits, type EntryRefusal } from '../../src/shared/admissions.ts';

/** One for each seat, all over the same memory. */
function admissionsOf(seats: number, limits: ConnectionLimits, maxAddresses?: number): Admissions[] {
  const memory = Admissions.create(seats, limits, maxAddresses);
  return Array.from({ length: seats }, (_, seat) => new Admissions(memory, seat, limits));
}

const results = (times: number, attempt: () => EntryRefusal | null): (EntryRefusal | null)[] =>
  Array.from({ length: times }, attempt);

describe('admissions', () => {
  it('let in as many of an address as the limit says, over all loops', () => {
    const loops = admissionsOf(8, { maxConnections: 0, maxConnectionsPerIp: 10 });
    const entered = loops.flatMap((loop) => results(2, () => loop.tryEnter('10.0.0.1')));
    expect(entered.filter((refused) => refused === null)).toHaveLength(10);
    expect(entered.slice(10)).toEqual(Array(6).fill('address'));
    expect(loops.map((loop) => loop.tryEnter('10.0.0.2'))).toEqual(Array(8).fill(null));
  });

  it('let in as many of all addresses as the limit says', () => {
    const [first, second] = admissionsOf(2, { maxConnections: 3, maxConnectionsPerIp: 0 });
    expect([1, 2, 3, 4].map((n) => [first, second][n % 2]?.tryEnter(`10.0.0.${n}`))).toEqual([
      null,
      null,
      null,
      'total',
    ]);
  });

  it('do not count in the total whom the limit of the address refuses', () => {
    const [loop] = admissionsOf(1, { maxConnections: 3, maxConnectionsPerIp: 1 });
    expect(
      results(5, () => loop?.tryEnter('a') ?? null).filter((refused) => refused === 'address'),
    ).toHaveLength(4);
    expect([loop?.count(), loop?.count('a')]).toEqual([1, 1]);
  });

  it('have room again when a connection has left, on whichever loop', () => {
    const [first, second] = admissionsOf(2, { maxConnections: 1, maxConnectionsPerIp: 1 });
    expect([first?.tryEnter('a'), second?.tryEnter('a'), second?.tryEnter('b')]).toEqual([
      null,
      'total',
      'total',
    ]);
    first?.leave('a');
    expect([second?.tryEnter('a'), first?.tryEnter('a')]).toEqual([null, 'total']);
  });

  it('refuse an address that there is no room to count, and count it when another has left', () => {
    const [loop] = admissionsOf(1, { maxConnections: 0, maxConnectionsPerIp: 5 }, 3);
    // Room for the total is not used here.
    expect(['a', 'b', 'c', 'd', 'e'].map((address) => loop?.tryEnter(address))).toEqual([
      null,
      null,
      null,
      null,
      'full',
    ]);
    expect([loop?.tryEnter('d'), loop?.count('e')]).toEqual([null, 0]);
    loop?.leave('a');
    expect([loop?.tryEnter('e'), loop?.count('e'), loop?.count('a')]).toEqual([null, 1, 0]);
  });

  it('always have room for the total, however many addresses come and go', () => {
    const limits = { maxConnections: 2, maxConnectionsPerIp: 2 };
    const [loop] = admissionsOf(1, limits);
    for (let i = 0; i < 1000; i++) {
      expect([loop?.tryEnter(`a${i}`), loop?.tryEnter(`b${i}`), loop?.tryEnter(`c${i}`)]).toEqual([
        null,
        null,
        'total',
      ]);
      loop?.leave(`a${i}`);
      loop?.leave(`b${i}`);
    }
  });

  it('forget the connections of a seat whose thread has ended, and no others', () => {
    const limits = { maxConnections: 5000, maxConnectionsPerIp: 3 };
    const [first, second, primary] = admissionsOf(3, limits);
    for (let i = 0; i < 2000; i++) expect(first?.tryEnter(`address ${i}`)).toBe(null);
    for (let i = 0; i < 1000; i++) expect(second?.tryEnter(`address ${i}`)).toBe(null);
    primary?.forgetSeat(0);
    expect([primary?.count(), primary?.count('address 1'), primary?.count('address 1500')]).toEqual([
      1000, 1, 0,
    ]);
    primary?.forgetSeat(0);
    expect(primary?.count()).toBe(1000);
  });

  it('never count below nobody, when somebody leaves who was not there', () => {
    const [first, second] = admissionsOf(2, { maxConnections: 1, maxConnectionsPerIp: 1 });
    first?.leave('a');
    second?.tryEnter('a');
    first?.leave('a');
    expect([first?.count(), first?.count('a')]).toEqual([1, 1]);
  });

  it.each(['', 'total', 'x'.repeat(256), '\ud800'])('throw for what is no address: "%s"', (address) => {
    const [loop] = admissionsOf(1, { maxConnections: 1, maxConnectionsPerIp: 1 });
    expect(() => loop?.tryEnter(address)).toThrow(RangeError);
  });

  it('refuse memory that is something else', () => {
    const limits = { maxConnections: 1, maxConnectionsPerIp: 1 };
    expect(() => new Admissions(new SharedArrayBuffer(4096), 0, limits)).toThrow('another layout');
  });
});

/** The same the simple way: who is in, as pairs of seat and address. */
class Model {
  inside: { seat: number; address: string }[] = [];
  readonly #limits: ConnectionLimits;
  readonly #places: number;

  constructor(limits: ConnectionLimits, maxAddresses: number) {
    this.#limits = limits;
    this.#places = maxAddresses;
  }

  tryEnter(seat: number, address: string): EntryRefusal | null {
    const { maxConnections, maxConnectionsPerIp } = this.#limits;
    if (maxConnections > 0 && this.inside.length >= maxConnections) return 'total';
    if (maxConnectionsPerIp > 0) {
      const addresses = new Set(this.inside.map((one) => one.address));
      if (!addresses.has(address) && addresses.size >= this.#places) return 'full';
      if (this.count(address) >= maxConnectionsPerIp) return 'address';
    }
    this.inside.push({ seat, address });
    return null;
  }

  leave(seat: number, address: string): boolean {
    const index = this.inside.findIndex((one) => one.seat === seat && one.address === address);
    if (index !== -1) this.inside.splice(index, 1);
    return index !== -1;
  }

  count(address: string): number {
    return this.inside.filter((one) => one.address === address).length;
  }
}

describe('admissions beside a model', () => {
  const SEATS = 3;
  const MAX_ADDRESSES = 3;
  const seat = fc.nat({ max: SEATS - 1 });
  const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::/64', 'unknown', '10.0.0.3');
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('enter' as const), seat, address }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('leave' as const), seat, address }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), seat, address }) },
  );
  const limits = fc.record({
    maxConnections: fc.constant(8),
    maxConnectionsPerIp: fc.integer({ min: 1, max: 4 }),
  });

  it('refuse and count the same, whatever comes, leaves and ends in whatever order', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (limits, steps) => {
        const model = new Model(limits, MAX_ADDRESSES);
        const loops = admissionsOf(SEATS, limits, MAX_ADDRESSES);
        for (const { do: what, seat, address } of steps) {
          const loop = loops[seat] as Admissions;
          if (what === 'enter') expect(loop.tryEnter(address)).toBe(model.tryEnter(seat, address));
          else if (what === 'leave' && model.leave(seat, address)) loop.leave(address);
          else if (what === 'forget') {
            loops[(seat + 1) % SEATS]?.forgetSeat(seat);
            model.inside = model.inside.filter((one) => one.seat !== seat);
          }
          expect(loop.count()).toBe(model.inside.length);
          expect(loop.count(address)).toBe(model.count(address));
        }
      }),
      { numRuns: 300 },
    );
  });
});
