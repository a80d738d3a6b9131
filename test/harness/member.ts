/** A member of a room of the demo: a `Client` of `/chat/:room` that knows its frames. */
import type { MembersFrame, MessageFrame, ServerFrame, WelcomeFrame } from '../../src/demo/chat-frames.ts';
import { Client } from './client.ts';

export interface Position {
  readonly epoch: string;
  readonly sequence: number;
}

type FrameOf<Type extends ServerFrame['type']> = Extract<ServerFrame, { type: Type }>;

export class Member {
  readonly client: Client;
  readonly welcome: WelcomeFrame;

  private constructor(client: Client, welcome: WelcomeFrame) {
    this.client = client;
    this.welcome = welcome;
  }

  /** `room` is the URL of a room: `ws://127.0.0.1:3000/chat/lobby`. */
  static async join(room: string, name: string, position?: Position): Promise<Member> {
    const query = { name, ...(position && { epoch: position.epoch, sequence: String(position.sequence) }) };
    const client = await Client.open(`${room}?${new URLSearchParams(query)}`);
    const welcome = JSON.parse(String(await client.next())) as WelcomeFrame;
    return new Member(client, welcome);
  }

  /** One member on each loop, named after it; those that land on a loop that has one leave again. */
  static async joinOnEachLoop(room: string, loops: number): Promise<Member[]> {
    const members = new Map<number, Member>();
    while (members.size < loops) {
      const member = await Member.join(room, 'somebody');
      const { loop } = member.welcome;
      if (members.has(loop)) await member.leave();
      else members.set(loop, member);
    }
    return Array.from({ length: loops }, (_, loop) => members.get(loop) as Member);
  }

  say(text: string): void {
    this.client.send(JSON.stringify({ type: 'message', text }));
  }

  /** The next frame of a type; those of other types before it are passed over. */
  async next<Type extends ServerFrame['type']>(type: Type): Promise<FrameOf<Type>> {
    for (;;) {
      const frame = JSON.parse(String(await this.client.next())) as ServerFrame;
      if (frame.type === type) return frame as FrameOf<Type>;
    }
  }

  async messages(count: number): Promise<MessageFrame[]> {
    const messages: MessageFrame[] = [];
    while (messages.length < count) messages.push(await this.next('message'));
    return messages;
  }

  async texts(count: number): Promise<string[]> {
    return (await this.messages(count)).map(({ text }) => text);
  }

  /** Resolves when the list of members is as wanted. */
  async sees(matches: (loops: MembersFrame['loops']) => boolean): Promise<void> {
    while (!matches((await this.next('members')).loops));
  }

  async leave(): Promise<void> {
    this.client.socket.close();
    await this.client.closed;
  }
}
