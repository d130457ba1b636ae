/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Makes elements, and shows numbers as people read them. */

/** What an element is given: attributes, and what listens to it. */
export type Given = Readonly<Record<string, string | number | boolean | undefined | Listener>>;
// deno-lint-ignore no-explicit-any
type Listener = (event: any) => void;

/** An element with attributes, listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Given = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** The element of the page with an id. */
export function the<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

let named = 0;

/** A control under its label. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  control.id ||= `field-${++named}`;
  const parts: HTMLElement[] = [h("label", { for: control.id }, label), control];
  if (hint !== undefined) {
    control.setAttribute("aria-describedby", `${control.id}-hint`);
    parts.push(h("p", { class: "hint", id: `${control.id}-hint` }, hint));
  }
  return h("div", { class: "field" }, ...parts);
}

/** A choice among names. */
export function choice(
  names: readonly string[],
  chosen: string,
  onchange: () => void = () => {},
): HTMLSelectElement {
  const options = names.map((name) => new Option(name, name, name === chosen, name === chosen));
  return h("select", { onchange }, ...options);
}

/** A field for a number. */
export function numberField(
  value: number,
  limits: { readonly min?: number; readonly max?: number; readonly step?: number | "any" },
  onchange: () => void = () => {},
): HTMLInputElement {
  return h("input", { type: "number", value, step: "any", required: true, ...limits, onchange });
}

/** A whole number with its thousands set apart. */
export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** A count of things: `1 step`, `2 steps`. */
export function counted(count: number, what: string): string {
  return `${whole(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** A share in per cent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** How long something takes: `50 s`, `3 min`. */
export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

/** A shape: `[16, 1, 3, 3]`. */
export function shapeText(shape: readonly (number | string)[]): string {
  return `[${shape.join(", ")}]`;
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
