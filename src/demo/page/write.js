/** Text on the page. What others have written becomes text and never markup. */

export const byId = (id) => document.getElementById(id);

/** `1 message`, `1,234 messages`. */
export function amount(count, noun) {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** What does not change is not written, so that a screen reader hears only news. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An element with text or other elements in it. */
export function make(tag, ...content) {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
}
