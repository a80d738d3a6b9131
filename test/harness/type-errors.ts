/** What the compiler says of a program: a line for each error, with file, line and message. */
import { basename } from 'node:path';
import ts from 'typescript';

export function typeErrors(files: readonly string[], options: ts.CompilerOptions): string[] {
  const program = ts.createProgram(files, { ...options, noEmit: true });
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, ' ');
    if (file === undefined) return message;
    return `${basename(file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1}: ${message}`;
  });
}
