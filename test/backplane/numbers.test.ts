/** What is sent on one side and heard on the other: delivered and missed come to what was published, whatever is lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arrivals } from '../../src/backplane/arrivals.ts';
import { type Envelope, Kind } from '../../src/backplane/envelope.ts';
import { Streams } from '../../src/backplane/streams.ts';

const envelope = (streams: Streams, kind: Kind, node = 'one'): Envelope => {
  const { id: stream, number } = (kind === Kind.message ? streams.next('c') : streams.of('c')) ?? {
    id: 0n,
    number: 0,
  };
  return { kind, isBinary: false, compress: true, node, stream, number, data: Buffer.alloc(0) };
};

function listening(): Arrivals {
  const arrivals = new Arrivals();
  arrivals.want('c');
  return arrivals;
}

describe('a channel that is wanted', () => {
  it('has every message delivered or missed, once, whatever is lost and comes twice, when a beacon follows', () => {
    const losses = fc.array(fc.constantFrom('comes', 'is lost', 'comes twice', 'beacon'), { maxLength: 60 });
    fc.assert(
      fc.property(losses, (fates) => {
        const streams = new Streams(10);
        const arrivals = listening();
        arrivals.heard('c', envelope(streams, Kind.message));
        let [published, delivered, missed] = [0, 0, 0];
        const hear = (one: Envelope): void => {
          const arrival = arrivals.heard('c', one);
          missed += arrival.missed;
          if (arrival.isNew) delivered++;
        };
        for (const fate of fates) {
          if (fate === 'beacon') {
            hear(envelope(streams, Kind.beacon));
            continue;
          }
          const one = envelope(streams, Kind.message);
          published++;
          if (fate !== 'is lost') hear(one);
          if (fate === 'comes twice') hear(one);
        }
        hear(envelope(streams, Kind.beacon));
        expect(delivered + missed).toBe(published);
        expect(missed).toBe(fates.filter((fate) => fate === 'is lost').length);
      }),
    );
  });

  it('begins with what is heard first', () => {
    const streams = new Streams(10);
    for (let i = 0; i < 4; i++) envelope(streams, Kind.message);
    expect(listening().heard('c', envelope(streams, Kind.message))).toEqual({ missed: 0, isNew: true });
  });

  it('begins with a beacon, and misses what is lost behind it', () => {
    const streams = new Streams(10);
    envelope(streams, Kind.message);
    const arrivals = listening();
    expect(arrivals.heard('c', envelope(streams, Kind.beacon))).toEqual({ missed: 0, isNew: false });
    envelope(streams, Kind.message);
    expect(arrivals.heard('c', envelope(streams, Kind.message))).toEqual({ missed: 1, isNew: true });
  });

  it('misses the first ones of a stream that follows another of the same node', () => {
    const [before, after] = [new Streams(10), new Streams(10)];
    const arrivals = listening();
    for (let i = 0; i < 5; i++) arrivals.heard('c', envelope(before, Kind.message));
    envelope(after, Kind.message);
    expect(arrivals.heard('c', envelope(after, Kind.message))).toEqual({ missed: 1, isNew: true });
  });

  it('keeps the nodes apart', () => {
    const [one, other] = [new Streams(10), new Streams(10)];
    const arrivals = listening();
    for (let i = 0; i < 5; i++) {
      expect(arrivals.heard('c', envelope(one, Kind.message, 'one'))).toEqual({ missed: 0, isNew: true });
      expect(arrivals.heard('c', envelope(other, Kind.message, 'other'))).toEqual({ missed: 0, isNew: true });
    }
    expect(arrivals.forget('one')).toEqual(['c']);
    expect(arrivals.forget('one')).toEqual([]);
  });

  it('hears nothing any more when it is not wanted', () => {
    const arrivals = listening();
    arrivals.unwant('c');
    expect(arrivals.heard('c', envelope(new Streams(10), Kind.message))).toEqual({ missed: 0, isNew: false });
    expect([...arrivals.wanted()]).toEqual([]);
  });
});

describe('the streams of a node', () => {
  it('are followed by a beacon one look after the last message, and by two more in case it was lost', () => {
    const streams = new Streams(10);
    streams.next('c');
    const looks = Array.from({ length: 40 }, () => streams.look().length);
    expect(looks.map((count, look) => (count > 0 ? look + 1 : 0)).filter(Boolean)).toEqual([1, 4, 16]);
    expect([...streams.recent()]).toEqual([]);
  });

  it('have no beacon while messages come', () => {
    const streams = new Streams(10);
    streams.next('c');
    streams.look();
    streams.next('c');
    expect(streams.look()).toEqual(['c']);
  });

  it('are bounded: the longest unused is forgotten, and begins anew under another id', () => {
    const streams = new Streams(3);
    const { id } = streams.next('a');
    for (const channel of ['b', 'c', 'd']) streams.next(channel);
    expect(streams.size).toBe(3);
    expect(streams.of('a')).toBeUndefined();
    const again = streams.next('a');
    expect(again.number).toBe(1);
    expect(again.id).not.toBe(id);
  });
});
