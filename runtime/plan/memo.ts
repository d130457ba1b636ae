/** What is worked out once for a program and what is structural of it. */
import type { Structural } from "../../dsl/graph.ts";
import type { Program } from "../../dsl/program.ts";

/** Values kept for a program by a text that tells them apart. */
export class Memo<T> {
  readonly #values = new WeakMap<Program, Map<string, T>>();

  /** The value for `key`, made if there is none yet. */
  get(program: Program, key: string, make: () => T): T {
    let known = this.#values.get(program);
    if (known === undefined) this.#values.set(program, known = new Map());
    let value = known.get(key);
    if (value === undefined) known.set(key, value = make());
    return value;
  }
}

const spelled = new WeakMap<Structural, string>();

/** What tells one structural variant from another. */
export function spellStructural(structural: Structural): string {
  let text = spelled.get(structural);
  if (text === undefined) {
    text = JSON.stringify([...structural].map(([name, { id }]) => [name, id]));
    spelled.set(structural, text);
  }
  return text;
}
