/**
 * Subscriptions that wait because the engine has to be asked where their channel stands, or for what the log no longer holds. Only with a
 * backplane that orders channels over all nodes. The bridge asks; its answer is a record of the channel.
 */
import { type ChannelLog, type ChannelPosition, UNKNOWN_EPOCH } from '../shared/channel-log.ts';
import type { Found, History } from '../shared/history.ts';
import type { SubscribePosition, SubscribeResult } from '../websocket.ts';
import type { Placed } from './fan-out.ts';
import type { LocalChannel, Question, Subscription } from './subscription.ts';

const UNKNOWN: SubscribePosition = { epoch: UNKNOWN_EPOCH, sequence: 0, missed: 0, complete: false };

export class Questions {
  readonly #shared: ChannelLog;
  readonly #history: History;
  readonly #begin: (subscription: Subscription, found: Found) => SubscribePosition;
  readonly #waiting = new Map<LocalChannel, Set<Subscription>>();

  /** `begin` sends a subscription what was found, and lets it join. */
  constructor(
    shared: ChannelLog,
    history: History,
    begin: (subscription: Subscription, found: Found) => SubscribePosition,
  ) {
    this.#shared = shared;
    this.#history = history;
    this.#begin = begin;
  }

  /** `isPlaced`: it is known where the channel stands, but the log does not hold what comes behind `after`. */
  wait(
    subscription: Subscription,
    after: ChannelPosition | undefined,
    limit: number,
    isPlaced: boolean,
  ): SubscribeResult {
    let settle: Question['settle'] = () => {};
    const settled = new Promise<SubscribePosition>((resolve) => {
      settle = resolve;
    });
    // What a client sent is read once.
    const { epoch, sequence } = after ?? {};
    const from = after === undefined ? undefined : { epoch: epoch as string, sequence: sequence as number };
    subscription.state = 'waiting';
    // Without `after` nothing is missed: what comes behind where the channel stands comes whole.
    const most = after === undefined ? Number.POSITIVE_INFINITY : limit;
    subscription.question = { after: from, limit: most, askedBehind: null, settled, settle };
    const { channel } = subscription;
    const waiting = this.#waiting.get(channel) ?? new Set();
    this.#waiting.set(channel, waiting.add(subscription));
    if (isPlaced) this.#look(subscription, subscription.question, Number.POSITIVE_INFINITY);
    return { ok: true, ...UNKNOWN, settled };
  }

  /** What is true of one that waits. */
  standing({ question }: Subscription): SubscribeResult {
    return { ok: true, ...UNKNOWN, ...(question && { settled: question.settled }) };
  }

  /** The engine has said where a channel stands. */
  placed({ channel, life, sequence, from }: Placed): void {
    const waiting = this.#waiting.get(channel);
    if (waiting === undefined) return;
    const epoch = this.#shared.epochOf(life);
    const isOver = this.#positionOf(channel).epoch !== epoch;
    for (const subscription of [...waiting]) {
      const { question } = subscription;
      // Where it stands by now, or where the channel stands that had its entry before this one: another word of that follows.
      if (question === undefined || (isOver && question.askedBehind === null)) continue;
      this.#look(subscription, { ...question, after: question.after ?? { epoch, sequence } }, from);
    }
  }

  /** The answers may be among what this loop has not read. */
  recover(): void {
    for (const [channel, waiting] of [...this.#waiting]) {
      const { epoch, sequence } = this.#positionOf(channel);
      for (const subscription of [...waiting]) {
        const { question } = subscription;
        if (question === undefined) continue;
        const again = { ...question, askedBehind: null, after: question.after ?? { epoch, sequence } };
        if (epoch !== UNKNOWN_EPOCH) this.#look(subscription, again, Number.POSITIVE_INFINITY);
      }
    }
  }

  /** The subscription is over. */
  end(subscription: Subscription): void {
    subscription.question?.settle(UNKNOWN);
    this.#forget(subscription);
  }

  #look(subscription: Subscription, question: Question, from: number): void {
    const { after, limit, askedBehind } = question;
    const { name } = subscription.channel;
    const found = this.#history.find(name, after, limit);
    let behind = askedBehind ?? undefined;
    const isAnswered = found.isHeld || (behind !== undefined && from <= behind);
    if (!isAnswered && behind === undefined) {
      behind = this.#lackingBehind(question, found);
      if (behind !== undefined && !this.#shared.tryAsk(name, behind)) behind = undefined;
    }
    if (!isAnswered && behind !== undefined) {
      subscription.question = { ...question, askedBehind: behind };
      return;
    }
    this.#forget(subscription);
    question.settle(this.#begin(subscription, found));
  }

  /** The sequence behind which the engine may hold what the log does not; undefined when it is enough as it is. */
  #lackingBehind({ after, limit }: Question, { epoch, sequence, trail }: Found): number | undefined {
    const parsed = after && this.#shared.parse(after);
    const isKnown = parsed !== undefined && this.#shared.epochOf(parsed.life) === epoch;
    // This node is behind the one where the client was.
    if (isKnown && parsed.sequence > sequence) return parsed.sequence;
    // Of a position that means nothing all is sent that there is, up to the limit.
    const behind = Math.max(isKnown ? parsed.sequence : 0, sequence - limit);
    return trail.length < sequence - behind ? behind : undefined;
  }

  #forget(subscription: Subscription): void {
    const { channel } = subscription;
    subscription.question = undefined;
    const waiting = this.#waiting.get(channel);
    waiting?.delete(subscription);
    if (waiting?.size === 0) this.#waiting.delete(channel);
  }

  #positionOf({ entry }: LocalChannel): ChannelPosition {
    return this.#shared.lock.hold(() => this.#shared.positionOf(entry));
  }
}
