/** One connection on its loop: the server's implementation of `WebSocket`, on top of a uWebSockets.js socket. */
import { randomBytes } from 'node:crypto';
import type { Duration } from '../shared/duration.ts';
import type { CounterName, DurationName } from '../shared/layout.ts';
import type { Activity } from '../shared/loop-slot.ts';
import type { PublishResult } from '../shared/publisher.ts';
import type { RawWebSocket } from '../uws.ts';
import {
  assertCloseFrame,
  type CallbackResult,
  CloseCode,
  type CloseEvent,
  MAX_CONTROL_PAYLOAD_BYTES,
  type MessageData,
  type MissedMessages,
  type SendOptions,
  type SendOutcome,
  type ServerWebSocket as ServerWebSocketContract,
  type SubscribeOptions,
  type SubscribeRefusal,
  type SubscribeResult,
} from '../websocket.ts';
import type { Admission } from './admission.ts';
import type { Channels } from './channels.ts';
import { type CloseOwner, ClosePromise } from './close-promise.ts';
import { type CrowdMember, PLACE } from './crowd.ts';
import { EarlyMessages } from './early-messages.ts';
import { byteLength, toNative } from './encode.ts';
import { ensureRoomToClose } from './room-to-close.ts';
import type { SlowConsumers } from './slow-consumers.ts';
import type { Subscription } from './subscription.ts';
import { isUserExit } from './user-exit.ts';

/** What uWebSockets.js keeps with each of its sockets for us. */
export interface ConnectionHolder {
  readonly connection: ServerWebSocket;
  /** Null when no limit needs one. */
  readonly admission: Admission | null;
}

/** What a connection needs of its loop. */
export interface ConnectionHost {
  readonly loopId: number;
  readonly maxPayload: number;
  readonly totals: Record<CounterName, number>;
  readonly durations: Readonly<Record<DurationName, Duration>>;
  readonly channels: Channels;
  readonly slow: SlowConsumers;
  /** A number that no other connection of this loop has, for as long as the log remembers. */
  nextConnectionNumber(): number;
  connectionOpened(connection: ServerWebSocket): void;
  connectionClosed(connection: ServerWebSocket, event: CloseEvent): void;
  callbackFailed(connection: ServerWebSocket, callback: string, error: unknown): void;
  subscribeRefused(connection: ServerWebSocket, reason: SubscribeRefusal): void;
  /** Notes what user code is called next. */
  calls(activity: Activity): void;
}

type Raw = RawWebSocket<ConnectionHolder>;

/** What uWebSockets.js answers to a send; 0 is: kept, will be sent. */
const SENT = 1;
const DROPPED = 2;

const ID_BYTES = 9;

/** Most callbacks return nothing, or what `send` returned. */
const mayBePromise = (result: unknown): result is object => typeof result === 'object' && result !== null;

/** What few connections have. It stands apart, because connections are many and each field takes 8 bytes in all of them. */
class Seldom<Ws> {
  protocol = '';
  traceparent: string | null = null;
  id: string | undefined;
  number = 0;
  /** Set while our own close frame goes out, so that the close event can tell it from the peer's. */
  isClosing = false;
  /** A send was kept back; cleared when nothing waits any more. Spares most sends the question how much waits. */
  hasBacklog = false;
  droppedMessages = 0;
  closeEvent: CloseEvent | undefined;
  onPing: ((ws: Ws, payload: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined;
  onPong: ((ws: Ws, payload: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined;
  onDrain: ((ws: Ws) => CallbackResult) | undefined;
  onMissed: ((ws: Ws, missed: MissedMessages) => CallbackResult) | undefined;
}

/** Most connections have no subscription; they share this. */
const NONE: Map<string, Subscription> = new Map();

/** Not fatal, which is slower: uWebSockets.js has checked that the bytes of a text message are UTF-8. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class ServerWebSocket<Data = unknown>
  implements ServerWebSocketContract<Data>, CloseOwner, CrowdMember
{
  data = undefined as Data;
  readonly remoteAddress: string;
  [PLACE] = -1;
  readonly #host: ConnectionHost;

  /** Null before the socket is open and after it is closed. */
  #raw: Raw | null = null;
  #subscriptions = NONE;
  #closed: ClosePromise<CloseEvent> | undefined;
  /** Messages that no callback takes yet; undefined once there is nothing to wait for. */
  #early: EarlyMessages | undefined = new EarlyMessages();

  #onText: ((ws: this, text: string) => CallbackResult) | undefined;
  #onBinary: ((ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult) | undefined;
  #onMessage: ((ws: this, message: ArrayBuffer, isBinary: boolean) => CallbackResult) | undefined;
  #seldom: Seldom<this> | undefined;

  constructor(host: ConnectionHost, protocol: string, remoteAddress: string, traceparent: string | null) {
    this.#host = host;
    this.remoteAddress = remoteAddress;
    if (protocol !== '') this.#kept().protocol = protocol;
    if (traceparent !== null) this.#kept().traceparent = traceparent;
  }

  get protocol(): string {
    return this.#seldom?.protocol ?? '';
  }

  get traceparent(): string | null {
    return this.#seldom?.traceparent ?? null;
  }

  get id(): string {
    const kept = this.#kept();
    kept.id ??= randomBytes(ID_BYTES).toString('base64url');
    return kept.id;
  }

  get loopId(): number {
    return this.#host.loopId;
  }

  get isClosed(): boolean {
    return this.#raw === null;
  }

  /** Our own close frame is on its way. */
  get isClosing(): boolean {
    return this.#seldom?.isClosing ?? false;
  }

  get droppedMessages(): number {
    return this.#seldom?.droppedMessages ?? 0;
  }

  get bufferedAmount(): number {
    return this.#raw === null ? 0 : this.#raw.getBufferedAmount();
  }

  get onClose(): Promise<CloseEvent> {
    if (this.#closed === undefined) {
      this.#closed = new ClosePromise();
      const event = this.#seldom?.closeEvent;
      if (event) this.#closed.settle(event, this);
    }
    return this.#closed;
  }

  // ── sending ──

  send(data: MessageData, options?: SendOptions): SendOutcome {
    const raw = this.#raw;
    if (raw === null) return 'closed';
    let isBinary = typeof data !== 'string';
    let compress = true;
    if (options !== undefined) {
      isBinary = options.binary ?? isBinary;
      compress = options.compress ?? true;
    }
    if (this.#seldom?.hasBacklog && this.#host.slow.isOverLimit(raw.getBufferedAmount())) {
      this.#host.slow.refused(this as ServerWebSocket);
      return 'dropped';
    }
    const outcome = raw.send(toNative(data), isBinary, compress);
    if (outcome === DROPPED) return 'dropped';
    if (outcome !== SENT) this.#kept().hasBacklog = true;
    const totals = this.#host.totals;
    totals.messagesOut++;
    totals.bytesOut += byteLength(data);
    return outcome === SENT ? 'sent' : 'buffered';
  }

  ping(payload: MessageData = ''): SendOutcome {
    const bytes = byteLength(payload);
    if (bytes > MAX_CONTROL_PAYLOAD_BYTES) {
      throw new RangeError(
        `ping payload has ${bytes} bytes; at most ${MAX_CONTROL_PAYLOAD_BYTES} fit in a frame`,
      );
    }
    if (this.#raw === null) return 'closed';
    const outcome = this.#raw.ping(toNative(payload));
    return outcome === DROPPED ? 'dropped' : outcome === SENT ? 'sent' : 'buffered';
  }

  close(code: number = CloseCode.normal, reason = ''): void {
    assertCloseFrame(code, reason);
    if (this.#raw === null) return;
    ensureRoomToClose();
    this.#early?.clear();
    this.#kept().isClosing = true;
    this.#raw.end(code, reason.toWellFormed());
  }

  terminate(): void {
    if (this.#raw === null) return;
    ensureRoomToClose();
    this.#early?.clear();
    this.#raw.close();
  }

  // ── channels ──

  subscribe(channel: string, options?: SubscribeOptions): SubscribeResult {
    if (this.#subscriptions === NONE) this.#subscriptions = new Map();
    const result = this.#host.channels.subscribe(this as ServerWebSocket, channel, options);
    if (!result.ok) this.#host.subscribeRefused(this as ServerWebSocket, result.reason);
    return result;
  }

  unsubscribe(channel: string): boolean {
    return this.#host.channels.unsubscribe(this as ServerWebSocket, channel);
  }

  isSubscribed(channel: string): boolean {
    return this.#subscriptions.has(channel);
  }

  get channels(): readonly string[] {
    return [...this.#subscriptions.keys()];
  }

  publish(channel: string, data: MessageData, options?: SendOptions): PublishResult {
    return this.#host.channels.publish(channel, data, options, this as ServerWebSocket);
  }

  // ── for the loop's channels ──

  /** By channel. Changed by the loop's `Channels` alone. */
  get subscriptions(): Map<string, Subscription> {
    return this.#subscriptions;
  }

  /** Tells this connection from the others of its loop in records of the log. */
  get number(): number {
    const kept = this.#kept();
    if (kept.number === 0) kept.number = this.#host.nextConnectionNumber();
    return kept.number;
  }

  joinTopic(topic: string): void {
    this.#raw?.subscribe(topic);
  }

  leaveTopic(topic: string): void {
    this.#raw?.unsubscribe(topic);
  }

  /** Sends to all of the topic but this connection, which is one of them. */
  publishToOthers(topic: string, data: Uint8Array, isBinary: boolean, compress: boolean): void {
    this.#raw?.publish(topic, data, isBinary, compress);
  }

  /** Runs `send`, and hands what it sends to the operating system together. */
  corked(send: () => void): void {
    this.#raw?.cork(send);
  }

  // ── callbacks of the user ──

  onText(callback: (ws: this, text: string) => CallbackResult): void {
    this.#onText = callback;
    this.#deliverEarly();
  }

  onBinary(callback: (ws: this, bytes: Uint8Array<ArrayBuffer>) => CallbackResult): void {
    this.#onBinary = callback;
    this.#deliverEarly();
  }

  onMessage(callback: (ws: this, message: ArrayBuffer, isBinary: boolean) => CallbackResult): void {
    this.#onMessage = callback;
    this.#deliverEarly();
  }

  onPing(callback: (ws: this, payload: Uint8Array<ArrayBuffer>) => CallbackResult): void {
    this.#kept().onPing = callback;
  }

  onPong(callback: (ws: this, payload: Uint8Array<ArrayBuffer>) => CallbackResult): void {
    this.#kept().onPong = callback;
  }

  onDrain(callback: (ws: this) => CallbackResult): void {
    this.#kept().onDrain = callback;
  }

  onMissed(callback: (ws: this, missed: MissedMessages) => CallbackResult): void {
    this.#kept().onMissed = callback;
  }

  // ── events of the socket, called by the loop ──

  opened(raw: Raw): void {
    this.#raw = raw;
    this.#host.connectionOpened(this as ServerWebSocket);
  }

  /** Runs `onUpgrade`; what arrives meanwhile waits. */
  upgraded(onUpgrade: () => CallbackResult): void {
    let result: CallbackResult;
    try {
      this.#host.calls('onUpgrade');
      result = onUpgrade();
    } catch (error) {
      this.#fail('onUpgrade', error);
      return;
    }
    if (result === undefined) this.#upgradeSettled();
    else
      Promise.resolve(result).then(
        () => this.#upgradeSettled(),
        (error: unknown) => this.#fail('onUpgrade', error),
      );
  }

  received(message: ArrayBuffer, isBinary: boolean): void {
    const totals = this.#host.totals;
    totals.messagesIn++;
    totals.bytesIn += message.byteLength;
    if (this.#early === undefined) this.#dispatch(message, isBinary);
    else this.#receivedEarly(this.#early, message, isBinary);
  }

  pinged(payload: ArrayBuffer): void {
    const onPing = this.#seldom?.onPing;
    if (onPing) this.#call('onPing', onPing, new Uint8Array(payload.slice(0)));
  }

  ponged(payload: ArrayBuffer): void {
    const onPong = this.#seldom?.onPong;
    if (onPong) this.#call('onPong', onPong, new Uint8Array(payload.slice(0)));
  }

  drained(): void {
    if (this.#seldom !== undefined && this.bufferedAmount === 0) this.#seldom.hasBacklog = false;
    if (this.#subscriptions.size > 0) this.#host.channels.drained(this as ServerWebSocket);
    const onDrain = this.#seldom?.onDrain;
    if (onDrain && this.bufferedAmount === 0) this.#call('onDrain', onDrain, undefined);
  }

  missed(missed: MissedMessages): void {
    const onMissed = this.#seldom?.onMissed;
    if (onMissed && this.#raw !== null) this.#call('onMissed', onMissed, missed);
  }

  /** uWebSockets.js has not kept a message: far too much waits for this peer. */
  dropped(): void {
    this.countDropped(1);
    this.#host.totals.messagesDropped++;
  }

  countDropped(messages: number): void {
    this.#kept().droppedMessages += messages;
  }

  /** The socket is gone, by us, by the peer or by the network. uWebSockets.js says so exactly once. */
  closed(code: number, reason: string): void {
    this.#raw = null;
    const event: CloseEvent = { code, reason, wasClean: this.isClosing || code !== 1006 };
    this.#kept().closeEvent = event;
    this.#host.channels.leave(this as ServerWebSocket);
    this.#host.connectionClosed(this as ServerWebSocket, event);
    this.#closed?.settle(event, this);
  }

  closeCallbackFailed(error: unknown): void {
    this.#fail('onClose', error);
  }

  #kept(): Seldom<this> {
    this.#seldom ??= new Seldom();
    return this.#seldom;
  }

  // ── dispatch ──

  #dispatch(message: ArrayBuffer, isBinary: boolean): void {
    if (this.#onMessage !== undefined) {
      let result: CallbackResult;
      this.#host.calls('onMessage');
      try {
        result = this.#onMessage(this, message, isBinary);
      } catch (error) {
        this.#fail('onMessage', error);
        return;
      }
      if (mayBePromise(result)) this.#watch('onMessage', result);
    } else if (isBinary) {
      if (this.#onBinary) this.#call('onBinary', this.#onBinary, new Uint8Array(message.slice(0)));
      else this.#host.totals.messagesUnread++;
    } else {
      if (this.#onText) this.#call('onText', this.#onText, decoder.decode(message));
      else this.#host.totals.messagesUnread++;
    }
  }

  #call<Argument>(
    name: Activity,
    callback: (ws: this, argument: Argument) => CallbackResult,
    argument: Argument,
  ): void {
    let result: CallbackResult;
    this.#host.calls(name);
    try {
      result = callback(this, argument);
    } catch (error) {
      this.#fail(name, error);
      return;
    }
    if (mayBePromise(result)) this.#watch(name, result);
  }

  #watch(name: string, result: object): void {
    Promise.resolve(result).catch((error: unknown) => this.#fail(name, error));
  }

  /** A callback threw or rejected: this connection ends, nothing else does. */
  #fail(name: string, error: unknown): void {
    // The loop is drained, and this connection with the others.
    if (isUserExit(error)) return;
    this.#early = undefined;
    this.#host.callbackFailed(this as ServerWebSocket, name, error);
    this.close(CloseCode.internalError, 'internal error');
  }

  // ── messages that came before their callback ──

  #takes(isBinary: boolean): boolean {
    return this.#onMessage !== undefined || (isBinary ? this.#onBinary : this.#onText) !== undefined;
  }

  #receivedEarly(early: EarlyMessages, message: ArrayBuffer, isBinary: boolean): void {
    if (early.isEmpty && this.#takes(isBinary)) {
      this.#dispatch(message, isBinary);
    } else if (!early.tryPush(message, isBinary, this.#host.maxPayload)) {
      if (early.isUpgrading) {
        this.close(CloseCode.policyViolation, 'too much data before the server was ready');
      } else {
        // Nobody has asked for messages since onUpgrade ended: from here on they are not kept.
        this.#host.totals.messagesUnread += early.clear() + 1;
        this.#early = undefined;
      }
    }
  }

  #upgradeSettled(): void {
    if (this.#early === undefined) return;
    this.#early.isUpgrading = false;
    this.#deliverEarly();
  }

  #deliverEarly(): void {
    const early = this.#early;
    if (early === undefined || early.isDelivering) return;
    if (early.isEmpty) {
      this.#stopWaitingIfServed(early);
      return;
    }
    early.isDelivering = true;
    // In a microtask, so that callbacks set together are all in place and none runs inside the call that sets it.
    queueMicrotask(() => {
      early.isDelivering = false;
      for (let next = early.peek(); next && this.#early === early; next = early.peek()) {
        const isServed = this.#takes(next.isBinary) || (!early.isUpgrading && this.#takes(!next.isBinary));
        if (!isServed) return;
        early.shift();
        this.#dispatch(next.message, next.isBinary);
      }
      if (this.#early === early) this.#stopWaitingIfServed(early);
    });
  }

  /** With onUpgrade over, nothing left to deliver and a callback set, messages go straight through from here on. */
  #stopWaitingIfServed(early: EarlyMessages): void {
    if (!early.isUpgrading && (this.#takes(true) || this.#takes(false))) this.#early = undefined;
  }
}
