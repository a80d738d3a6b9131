/** Text and elements on the page. What comes from elsewhere becomes text and never markup. */

export const byId = (id) => document.getElementById(id);

/** What does not change is not written, so that a screen reader hears only news and nothing is laid out again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An element with text or other elements in it. */
export function make(tag, ...content) {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
}

/** Adds or removes children until there are `count`. */
export function resize(parent, count, makeChild) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(makeChild());
}
