/** What all charts here look like: colours that are readable on light and on dark, and how text is put into SVG. */

/** In the order in which they are given out. Each has a dash too, so that nobody needs to tell colours apart. */
const COLOURS = [
  { light: '#1d5fd1', dark: '#6ea8ff', dash: '' },
  { light: '#b45309', dark: '#f0a94b', dash: '6 3' },
  { light: '#0f766e', dark: '#4fd1c0', dash: '2 3' },
  { light: '#a21caf', dark: '#e58af0', dash: '8 3 2 3' },
] as const;

const rules = (tone: 'light' | 'dark'): string =>
  COLOURS.map((colour, index) => `.c${index}{stroke:${colour[tone]};fill:${colour[tone]}}`).join('');

/** For the beginning of an SVG file. Of the class `c0`, `c1`, … are the lines, bars and marks of one series. */
export const STYLE =
  `<style>text{font:11px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.faint{fill:#59636e}` +
  `.grid{stroke:#d1d9e0}.axis{stroke:#59636e}${rules('light')}` +
  `@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.faint{fill:#9198a1}.grid{stroke:#3d444d}.axis{stroke:#9198a1}${rules('dark')}` +
  '}.line{fill:none;stroke-width:2}</style>';

const style = (index: number): (typeof COLOURS)[number] => COLOURS[index % COLOURS.length] ?? COLOURS[0];

export const colourClass = (index: number): string => `c${index % COLOURS.length}`;
export const dashOf = (index: number): string => style(index).dash;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => ESCAPES[char] ?? char);

/** `anchor` is where in the text the point is. */
export function textAt(
  x: number,
  y: number,
  text: string,
  { anchor = 'start', kind = '' }: { anchor?: 'start' | 'middle' | 'end'; kind?: string } = {},
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" class="${kind}">${escaped(text)}</text>`;
}
