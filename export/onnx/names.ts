/** Names of the values in a graph or function: each is given once. */
export class Names {
  readonly #next = new Map<string, number>();

  /** `wanted`, or the first of `wanted_2`, `wanted_3`, … that is free. */
  fresh(wanted: string): string {
    if (this.take(wanted)) return wanted;
    for (;;) {
      const k = this.#next.get(wanted)! + 1;
      this.#next.set(wanted, k);
      if (this.take(`${wanted}_${k}`)) return `${wanted}_${k}`;
    }
  }

  /** Takes `name`; returns whether it was free. */
  take(name: string): boolean {
    if (this.#next.has(name)) return false;
    this.#next.set(name, 1);
    return true;
  }
}

/** The name of a leaf of a tree. */
export function at(name: string, { path }: { readonly path: string }): string {
  return path === "" ? name : `${name}/${path}`;
}
