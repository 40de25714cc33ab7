/**
 * Building elements. What a task returned or printed is hostile data, so text is only ever set as text: nothing here
 * takes markup, and there is no `innerHTML` anywhere in this folder.
 */
type Child = Node | string | undefined | false;

interface Properties {
  class?: string;
  /** Attributes by name; `undefined` and `false` leave one out, `true` sets it empty. */
  [attribute: string]: string | number | boolean | undefined;
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Properties = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill<T extends Element>(element: T, attributes: Properties, children: Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}
