/** The constants of a graph, each held once. */
import type { Names } from "./names.ts";
import { type ElementType, listOf, scalarOf, tableOf, type TensorInit } from "./proto.ts";

/** Makes constants and names them by what they are. */
export class Constants {
  readonly #names: Names;
  readonly #known = new Map<string, TensorInit>();

  constructor(names: Names) {
    this.#names = names;
  }

  /** Everything that was asked for. */
  get all(): readonly TensorInit[] {
    return [...this.#known.values()];
  }

  /** The name of a number. */
  number(value: number, type: ElementType): string {
    const kept = type === "float32" ? Math.fround(value) : value;
    const text = type === "bool" ? String(Boolean(value)) : spellNumber(kept, type);
    const typed = `${type}(${text})`;
    return this.#held(typed, text, typed, (name) => scalarOf(name, type, kept));
  }

  /** The name of a list of whole numbers. */
  list(values: readonly number[]): string {
    const text = `[${values.join(", ")}]`;
    return this.#held(text, text, text, (name) => listOf(name, values));
  }

  /** The name of a table of float32 numbers, which are always those of that name. */
  table(name: string, values: Float32Array): string {
    return this.#held(`table ${name}`, name, name, (own) => tableOf(own, values));
  }

  #held(key: string, wanted: string, other: string, make: (name: string) => TensorInit): string {
    if (!this.#known.has(key)) {
      const name = this.#names.take(wanted) ? wanted : this.#names.fresh(other);
      this.#known.set(key, make(name));
    }
    return this.#known.get(key)!.name!;
  }
}

/** A number as it is read: of float32, the fewest digits that mean it. */
export function spellNumber(value: number, type: ElementType): string {
  if (Object.is(value, -0)) return "-0";
  if (type !== "float32" || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}
