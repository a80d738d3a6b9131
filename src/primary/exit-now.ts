/**
 * Ends the process at once, with an exit code, while a loop is stuck in user code.
 *
 * `process.exit` first ends every thread, and one that is ended in the middle of user code leaves its app open, which aborts the
 * process (134). A signal has a code of its own. What is left is `exit` of the C library, without a word to the threads; the one
 * door to it that Node has is `proc_exit` of its WASI.
 */
import { createRequire } from 'node:module';

type Wasi = typeof import('node:wasi');
/** What the types of Node leave out: there is no DOM here. */
type Assembly = {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => object;
};

const TYPES = [1, 8, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0];
const IMPORTS = [2, 36, 1, 22, ...text('wasi_snapshot_preview1'), 9, ...text('proc_exit'), 0, 0];
const FUNCTIONS = [3, 2, 1, 1];
const MEMORY = [5, 3, 1, 0, 1];
const EXPORTS = [7, 19, 2, 6, ...text('memory'), 2, 0, 6, ...text('_start'), 0, 1];
const HEADER = [0, ...text('asm'), 1, 0, 0, 0];

/** `code` is from 0 to 255. Does not return; where WASI is missing, kills the process instead. */
export function exitNow(code: number): never {
  try {
    // Loaded here and not above: Node warns of an experimental feature when it is.
    const { WASI } = createRequire(import.meta.url)('node:wasi') as Wasi;
    const wasi = new WASI({ version: 'preview1', returnOnExit: false });
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;
    const module = new Module(moduleThatExits(code));
    wasi.start(new Instance(module, { wasi_snapshot_preview1: wasi.wasiImport }));
  } catch {
    // The kill below is all that is left.
  }
  process.kill(process.pid, 'SIGKILL');
  throw new Error('the process outlived its end');
}

/** A WebAssembly module whose start is `proc_exit(code)`. */
function moduleThatExits(code: number): Uint8Array<ArrayBuffer> {
  // i32.const in two bytes of LEB128, then call of the import, then end.
  const body = [0, 0x41, 0x80 | (code & 0x7f), code >> 7, 0x10, 0, 0x0b];
  const sections = [
    TYPES,
    IMPORTS,
    FUNCTIONS,
    MEMORY,
    EXPORTS,
    [10, body.length + 2, 1, body.length, ...body],
  ];
  return new Uint8Array([...HEADER, ...sections.flat()]);
}

function text(ascii: string): Buffer {
  return Buffer.from(ascii, 'latin1');
}
