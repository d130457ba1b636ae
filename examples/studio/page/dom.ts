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

/** Replaces what an element holds; whoever stands on a button of it keeps the place. */
export function renew(element: HTMLElement, ...children: readonly Node[]): void {
  const buttons = () => [...element.querySelectorAll("button")];
  const place = buttons().findIndex((each) => each === document.activeElement);
  element.replaceChildren(...children);
  if (place >= 0) buttons().slice(0, place + 1).at(-1)?.focus();
}

/** Work that a button begins, and not again before it has ended; meanwhile the button keeps the focus. */
export function oneAtATime(
  button: HTMLButtonElement,
  work: () => Promise<void>,
): () => Promise<void> {
  return async () => {
    if (isOff(button)) return;
    turnOff(button, true);
    try {
      await work();
    } finally {
      turnOff(button, false);
    }
  };
}

/** Lets a button do nothing, or something again; `disabled` would take the focus away. */
export function turnOff(button: HTMLButtonElement, is: boolean): void {
  button.setAttribute("aria-disabled", String(is));
}

/** Whether a button is to do nothing. */
export function isOff(button: HTMLButtonElement): boolean {
  return button.getAttribute("aria-disabled") === "true";
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

/** How much memory something takes: `40 KB`, `3.9 MB`. */
export function memory(bytes: number): string {
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, "KB"] : [bytes / 1e6, "MB"];
  return `${size < 10 ? size.toFixed(1) : whole(Math.round(size))} ${unit}`;
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
