/** The fenced blocks of a Markdown file that are marked with this language, in order. */
import { readFileSync } from 'node:fs';

export function codeBlocks(file: URL, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return Array.from(readFileSync(file, 'utf8').matchAll(fence), ([, text = '']) => text);
}
