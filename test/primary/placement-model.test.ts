/**
 * Placement against a model of the acceptor, which goes round what is registered. One step is one look at the counts:
 * some connections arrive, some may leave, then the counts are looked at.
 */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Acceptor } from '../../src/primary/acceptor.ts';
import { Placement } from '../../src/primary/placement.ts';
import { ControlBlock } from '../../src/shared/control-block.ts';

const WRAP = 2 ** 32;
/** Looks after which nothing is recent any more. */
const CALM_LOOKS = 10;
/** Even, and one connection that has just arrived. */
const CALM_SPREAD = 2;

/** Loop ids serve as descriptors. */
class ModelAcceptor {
  readonly block: ControlBlock;
  readonly registered: number[] = [];
  fewest = Number.POSITIVE_INFINITY;
  #turn = 0;

  constructor(block: ControlBlock) {
    this.block = block;
  }

  register(loop: number): void {
    if (!this.registered.includes(loop)) this.registered.push(loop);
  }

  unregister(loop: number): void {
    const index = this.registered.indexOf(loop);
    if (index >= 0) this.registered.splice(index, 1);
    this.fewest = Math.min(this.fewest, this.registered.length);
  }

  accept(): void {
    const loop = this.registered[this.#turn++ % this.registered.length];
    if (loop === undefined) throw new Error('no loop is registered');
    const slot = this.block.slot(loop);
    slot.sockets++;
    slot.accepted++;
  }
}

class Model {
  readonly block: ControlBlock;
  readonly acceptor: ModelAcceptor;
  readonly placement: Placement;

  constructor(start: readonly number[], rule: 'least-connections' | 'round-robin' = 'least-connections') {
    this.block = ControlBlock.create(start.length);
    this.acceptor = new ModelAcceptor(this.block);
    this.placement = new Placement(this.acceptor as unknown as Acceptor, this.block, rule);
    onTestFinished(() => this.placement.stop());
    for (const [loop, sockets] of start.entries()) {
      this.block.slot(loop).sockets = sockets;
      this.placement.add(loop, loop);
    }
    this.placement.balance();
  }

  get sockets(): number[] {
    return this.block.slots.slice(0, this.block.loops).map((slot) => slot.sockets);
  }

  get spread(): number {
    return Math.max(...this.sockets) - Math.min(...this.sockets);
  }

  look(arrivals: number): void {
    for (let i = 0; i < arrivals; i++) this.acceptor.accept();
    this.placement.balance();
  }

  /** Connections one by one, each when nothing is recent any more. */
  trickle(connections: number): void {
    for (let i = 0; i < connections; i++) {
      this.look(1);
      for (let look = 1; look < CALM_LOOKS; look++) this.look(0);
    }
  }
}

/** What the emptier loops lack to the fullest. */
const missing = (sockets: readonly number[]): number =>
  sockets.reduce((sum, count) => sum + Math.max(...sockets) - count, 0);

const start = fc.array(fc.nat(60), { minLength: 1, maxLength: 8 });

describe('placement by least connections', () => {
  it('comes to even counts from any start when connections trickle in', () => {
    fc.assert(
      fc.property(start, (sockets) => {
        const model = new Model(sockets);
        model.trickle(missing(sockets) + sockets.length);
        expect(model.spread).toBeLessThanOrEqual(CALM_SPREAD);
      }),
    );
  });

  it('stays even from an even start, however connections come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.nat(100), { maxLength: 50 }),
        (loops, arrivals) => {
          const model = new Model(new Array(loops).fill(10));
          for (const count of arrivals) model.look(count);
          expect(model.spread).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('narrows any start to what is recent when connections keep coming at a rate', () => {
    fc.assert(
      fc.property(start, fc.integer({ min: 1, max: 20 }), (sockets, rate) => {
        const model = new Model(sockets);
        const looks = Math.ceil((missing(sockets) + 10 * sockets.length * rate) / rate);
        for (let look = 0; look < looks; look++) model.look(rate);
        // Uncertain are at most the arrivals of the recent looks, and one look's worth can land on one loop.
        expect(model.spread).toBeLessThanOrEqual(CALM_LOOKS * rate);
      }),
    );
  });

  it('always leaves a loop to hand connections to, also when others leave', () => {
    const step = fc.record({ arrivals: fc.nat(30), leaveFrom: fc.nat(7), leave: fc.nat(40) });
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 60 }), (sockets, steps) => {
        const model = new Model(sockets);
        for (const { arrivals, leaveFrom, leave } of steps) {
          const slot = model.block.slot(leaveFrom % sockets.length);
          slot.sockets = Math.max(0, slot.sockets - leave);
          model.look(arrivals);
        }
        expect(model.acceptor.fewest).toBeGreaterThan(0);
      }),
    );
  });

  it('fills a loop up again when it has been replaced', () => {
    const model = new Model([50, 50, 50, 50]);
    model.placement.remove(2);
    model.block.slot(2).take(2, 2, 5, 0);
    expect(model.acceptor.registered).not.toContain(2);
    model.placement.add(2, 2);
    model.trickle(50);
    expect(model.sockets[2]).toBeGreaterThanOrEqual(49);
    expect(model.spread).toBeLessThanOrEqual(CALM_SPREAD);
  });

  it('goes on when a count of accepted connections wraps', () => {
    const model = new Model([10, 10]);
    for (const slot of model.block.slots) slot.accepted = WRAP - 3;
    for (let look = 0; look < CALM_LOOKS; look++) model.look(0);
    for (let look = 0; look < 2 * CALM_LOOKS; look++) model.look(1);
    expect(model.spread).toBeLessThanOrEqual(1);
    model.block.slot(0).sockets = 0;
    for (let look = 0; look < CALM_LOOKS; look++) model.look(0);
    expect(model.acceptor.registered).toEqual([0]);
  });
});

describe('placement by round robin', () => {
  it('gives every loop the same when it is given nothing but arrivals', () => {
    const model = new Model([0, 0, 0], 'round-robin');
    for (let i = 0; i < 30; i++) model.acceptor.accept();
    expect(model.sockets).toEqual([10, 10, 10]);
  });
});

describe('stopping', () => {
  it('leaves no loop registered', () => {
    const model = new Model([5, 0, 9]);
    model.placement.stop();
    expect(model.acceptor.registered).toEqual([]);
  });
});
