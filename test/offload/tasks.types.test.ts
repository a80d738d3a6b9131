/** The types of tasks. The compiler is the judge (`npm run check`); the last test asks it, so that vitest fails too. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { LoopContext } from '../../src/app.ts';
import { defineTasks, type Task } from '../../src/offload/tasks.ts';
import { transferring } from '../../src/offload/transferring.ts';

/** As `typeof import('./tasks.js')` is. */
interface Module {
  hash(password: string): string;
  shrink(picture: { pixels: Uint8Array; size: number }): Promise<Uint8Array>;
  now(): number;
  trim(text?: string): string;
  two(a: number, b: number): number;
  readonly COST: number;
}

const MODULE = new URL('file:///tasks.js');
const tasks = defineTasks<Module>(MODULE);
declare const loop: LoopContext;

describe('defineTasks', () => {
  it('has a task for each function of one argument or none, and for nothing else', () => {
    expectTypeOf(tasks.hash).toEqualTypeOf<Task<string, string>>();
    expectTypeOf(tasks.shrink).toEqualTypeOf<Task<{ pixels: Uint8Array; size: number }, Uint8Array>>();
    expectTypeOf<keyof typeof tasks>().toEqualTypeOf<'hash' | 'shrink' | 'now' | 'trim'>();
  });

  it('names module and function, and the same task each time', () => {
    expect(tasks.hash).toEqual({ module: 'file:///tasks.js', name: 'hash' });
    expect(tasks.hash).toBe(tasks.hash);
    expect(Object.isFrozen(tasks.hash)).toBe(true);
  });

  it('refuses what is no file: URL', () => {
    expect(() => defineTasks('https://example.com/tasks.js')).toThrow(TypeError);
    expect(() => defineTasks('./tasks.js')).toThrow(TypeError);
  });
});

describe('loop.offload', () => {
  it('takes what the task takes, and gives what it awaits', () => {
    const calls = () => {
      expectTypeOf(loop.offload(tasks.hash, 'secret')).toEqualTypeOf<Promise<string>>();
      expectTypeOf(loop.offload(tasks.now)).toEqualTypeOf<Promise<number>>();
      expectTypeOf(loop.offload(tasks.trim)).toEqualTypeOf<Promise<string>>();
      const picture = { pixels: new Uint8Array(4), size: 1 };
      const transfer = [picture.pixels.buffer];
      expectTypeOf(loop.offload(tasks.shrink, picture, { transfer })).toEqualTypeOf<Promise<Uint8Array>>();
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('does not compile with a wrong argument, without one, or with a function in place of a task', () => {
    const calls = () => {
      // @ts-expect-error a number is no password
      void loop.offload(tasks.hash, 7);
      // @ts-expect-error the data is missing
      void loop.offload(tasks.hash);
      // @ts-expect-error the size is missing
      void loop.offload(tasks.shrink, { pixels: new Uint8Array(4) });
      // @ts-expect-error it takes nothing
      void loop.offload(tasks.now, 7);
      // @ts-expect-error no task takes two arguments
      void tasks.two;
      // @ts-expect-error not in the module
      void tasks.hush;
      // @ts-expect-error not a task
      void loop.offload((text: string) => text, 'text');
      // @ts-expect-error no such option
      void loop.offload(tasks.hash, 'secret', { timeout: 1 });
    };
    expectTypeOf(calls).toBeFunction();
  });
});

describe('transferring', () => {
  it('gives back what it is given', () => {
    const bytes = new Uint8Array(4);
    expect(transferring(bytes, [bytes.buffer])).toBe(bytes);
    expectTypeOf(transferring(bytes, [])).toEqualTypeOf(bytes);
    // @ts-expect-error only an object can hold something to move
    expect(() => transferring('text', [])).toThrow(TypeError);
  });
});

it('has no error of types in this file', () => {
  const config = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, ts.sys.readFile).config,
    ts.sys,
    fileURLToPath(new URL('../..', import.meta.url)),
  );
  const file = fileURLToPath(import.meta.url);
  const program = ts.createProgram([file], options);
  const errors = ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  expect(errors).toEqual([]);
});
