/** The types of the contract. The compiler is the judge (`npm run check`); the last test asks it, so that vitest fails too. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type {
  AppModule,
  LoopContext,
  PathParams,
  UpgradeDecision,
  UpgradeRequest,
  Upgrader,
} from '../src/app.ts';
import { defineApp } from '../src/app.ts';
import type { ServerOptions } from '../src/config.ts';
import type { LoopSnapshot } from '../src/shared/control-block.ts';
import type { CloseEvent, SendOutcome, ServerWebSocket, WebSocket } from '../src/websocket.ts';

interface User {
  readonly name: string;
}

describe('PathParams', () => {
  it('has each parameter by its name', () => {
    expectTypeOf<PathParams<'/chat/:room'>['room']>().toEqualTypeOf<string>();
    expectTypeOf<keyof PathParams<'/:team/chat/:room'>>().toEqualTypeOf<'team' | 'room'>();
  });

  it('has the rest under a star when the path ends with one', () => {
    expectTypeOf<keyof PathParams<'/files/:user/*'>>().toEqualTypeOf<'user' | '*'>();
    expectTypeOf<PathParams<'/*'>['*']>().toEqualTypeOf<string>();
  });

  it('has no parameter when the path has none', () => {
    expectTypeOf<PathParams<'/echo'>>().toBeUnknown();
    expectTypeOf<PathParams<'/'>>().toBeUnknown();
  });

  it('may have any parameter when the path is not known to the compiler', () => {
    expectTypeOf<PathParams<string>>().toEqualTypeOf<Record<string, string>>();
  });
});

describe('loop.webSocket', () => {
  it('knows the parameters from the path when the upgrader is written in place', () => {
    defineApp((loop) => {
      loop.webSocket('/chat/:room', {
        shouldUpgrade(req) {
          expectTypeOf(req.params.room).toEqualTypeOf<string>();
          // @ts-expect-error the path has no such parameter
          req.params.rom;
          return {};
        },
        onUpgrade(ws, req) {
          expectTypeOf(ws).toEqualTypeOf<ServerWebSocket<unknown>>();
          expectTypeOf(req.params.room).toEqualTypeOf<string>();
        },
      });
    });
  });

  it('types the connection when the data is named', () => {
    defineApp((loop) => {
      loop.webSocket<User>('/chat/:room', {
        onUpgrade(ws, req) {
          expectTypeOf(ws.data).toEqualTypeOf<User>();
          expectTypeOf(req.params.room).toEqualTypeOf<string | undefined>();
        },
      });
      loop.webSocket<User, '/chat/:room'>('/chat/:room', {
        onUpgrade: (_, req) => void expectTypeOf(req.params.room).toEqualTypeOf<string>(),
      });
    });
  });

  it('needs onUpgrade and nothing else', () => {
    expectTypeOf<{ onUpgrade(): void }>().toExtend<Upgrader>();
    expectTypeOf<{ onUpgrade(): Promise<void> }>().toExtend<Upgrader>();
    expectTypeOf<{ shouldUpgrade(): null }>().not.toExtend<Upgrader>();
  });

  it('takes from shouldUpgrade headers, null or a refusal, now or later', () => {
    expectTypeOf<Headers | Record<string, string> | [string, string][] | null>().toExtend<UpgradeDecision>();
    expectTypeOf<{ status: number; headers: Headers; body: string }>().toExtend<UpgradeDecision>();
    expectTypeOf<boolean | undefined>().not.toExtend<UpgradeDecision>();
    expectTypeOf<NonNullable<Upgrader['shouldUpgrade']>>().returns.toEqualTypeOf<
      UpgradeDecision | Promise<UpgradeDecision>
    >();
  });
});

describe('a request', () => {
  it('is read-only, and standard where there is a standard', () => {
    expectTypeOf<UpgradeRequest['headers']>().toEqualTypeOf<Headers>();
    expectTypeOf<UpgradeRequest['query']>().toEqualTypeOf<URLSearchParams>();
    expectTypeOf<UpgradeRequest['protocols']>().toEqualTypeOf<readonly string[]>();
    const change = (req: UpgradeRequest): void => {
      // @ts-expect-error a request cannot be changed
      req.path = '/elsewhere';
    };
    expectTypeOf(change).toBeFunction();
  });
});

describe('WebSocket', () => {
  type Connection = WebSocket<User>;

  it('has data of the type it is given, and unknown data when it is given none', () => {
    expectTypeOf<Connection['data']>().toEqualTypeOf<User>();
    expectTypeOf<WebSocket['data']>().toBeUnknown();
  });

  it('gives each callback the connection with its data', () => {
    type CallbackOf<Name extends 'onText' | 'onBinary' | 'onMessage' | 'onPing' | 'onPong' | 'onDrain'> =
      Parameters<Parameters<Connection[Name]>[0]>;
    expectTypeOf<CallbackOf<'onText'>>().toEqualTypeOf<[Connection, string]>();
    expectTypeOf<CallbackOf<'onBinary'>>().toEqualTypeOf<[Connection, Uint8Array<ArrayBuffer>]>();
    expectTypeOf<CallbackOf<'onMessage'>>().toEqualTypeOf<[Connection, ArrayBuffer, boolean]>();
    expectTypeOf<CallbackOf<'onPing'>>().toEqualTypeOf<[Connection, Uint8Array<ArrayBuffer>]>();
    expectTypeOf<CallbackOf<'onPong'>>().toEqualTypeOf<[Connection, Uint8Array<ArrayBuffer>]>();
    expectTypeOf<CallbackOf<'onDrain'>>().toEqualTypeOf<[Connection]>();
  });

  it('takes text and every kind of bytes to send, and says what became of them', () => {
    type Sendable = string | ArrayBuffer | SharedArrayBuffer | Uint8Array | DataView | Buffer;
    expectTypeOf<Sendable>().toExtend<Parameters<Connection['send']>[0]>();
    expectTypeOf<object | number>().not.toExtend<Parameters<Connection['send']>[0]>();
    expectTypeOf<Connection['send']>().returns.toEqualTypeOf<SendOutcome>();
  });

  it('tells its end by a promise that cannot be replaced', () => {
    expectTypeOf<Connection['onClose']>().toEqualTypeOf<Promise<CloseEvent>>();
    const change = (ws: Connection, other: Connection): void => {
      // @ts-expect-error read-only
      ws.onClose = other.onClose;
    };
    expectTypeOf(change).toBeFunction();
  });
});

describe('what does not compile', () => {
  it('is data of another type than the connection has', () => {
    const change = (ws: WebSocket<User>, server: ServerWebSocket<User>): void => {
      ws.data = { name: 'ada' };
      // @ts-expect-error a number is no user
      ws.data = 7;
      // @ts-expect-error the name is missing
      server.data = {};
      // @ts-expect-error a user has no age
      server.data.age;
      // @ts-expect-error a connection of strings is not one of users
      server satisfies WebSocket<string>;
    };
    const upgrade = (loop: LoopContext): void =>
      loop.webSocket<User>('/', {
        onUpgrade(ws) {
          // @ts-expect-error a string is no user
          ws.data = 'ada';
        },
      });
    expectTypeOf([change, upgrade]).toBeArray();
  });

  it('is a callback of runExclusive that returns a promise', () => {
    const calls = ({ shared }: LoopContext): void => {
      const mutex = shared.mutex('name');
      expectTypeOf(mutex.runExclusive(() => 7)).toEqualTypeOf<number>();
      expectTypeOf(mutex.runExclusive(() => {})).toEqualTypeOf<void>();
      expectTypeOf(mutex.runExclusive((): User | undefined => undefined)).toEqualTypeOf<User | undefined>();
      // @ts-expect-error an async function returns a promise
      mutex.runExclusive(async () => 7);
      // @ts-expect-error so does this one
      mutex.runExclusive(() => Promise.resolve());
      // @ts-expect-error and this one sometimes
      mutex.runExclusive(() => (Math.random() > 0.5 ? 7 : Promise.resolve(7)));
    };
    expectTypeOf(calls).toBeFunction();
  });
});

describe('the rest of the contract', () => {
  it('takes an app as a path or a URL, and the number of loops as a number or auto', () => {
    expectTypeOf<{ app: URL; workers: 'auto' }>().toExtend<ServerOptions>();
    expectTypeOf<{ app: string; workers: number; placement: 'round-robin' }>().toExtend<ServerOptions>();
    expectTypeOf<{ workers: 'all' }>().not.toExtend<ServerOptions>();
    // @ts-expect-error no such option
    expectTypeOf<ServerOptions>({ ports: 1 });
  });

  it('makes an app module of a setup function, also of an async one', () => {
    expectTypeOf(defineApp(async () => {})).toEqualTypeOf<AppModule>();
    expectTypeOf<LoopContext['loops']>().returns.toEqualTypeOf<LoopSnapshot[]>();
  });

  it('takes callbacks in short form, which return what a call returned', () => {
    defineApp((loop) => {
      loop.webSocket('/', {
        onUpgrade: (ws) => ws.subscribe('news'),
      });
      loop.webSocket('/echo', {
        onUpgrade(ws) {
          ws.onText((ws, text) => ws.send(text));
          ws.onBinary((ws, bytes) => ws.publish('news', bytes));
          ws.onPong(async () => 'counted');
        },
      });
    });
  });

  it('refuses what is not a function when it comes from JavaScript', () => {
    expect(() => defineApp({} as never)).toThrow(TypeError);
  });
});

it('has no error of types in this file', () => {
  const config = fileURLToPath(new URL('../tsconfig.json', import.meta.url));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, ts.sys.readFile).config,
    ts.sys,
    fileURLToPath(new URL('..', import.meta.url)),
  );
  const file = fileURLToPath(import.meta.url);
  const program = ts.createProgram([file], options);
  const errors = ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map((found) => {
    const start =
      found.start === undefined ? undefined : found.file?.getLineAndCharacterOfPosition(found.start);
    return `line ${(start?.line ?? 0) + 1}: ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`;
  });
  expect(errors).toEqual([]);
});
