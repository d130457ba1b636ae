/** Names of a program as Python has them. */
import { plainDigits } from "../../dsl/greek.ts";

/** Words that are no names in Python, and built-in ones that a reader would take for what they are. */
const WORDS: ReadonlySet<string> = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for " +
    "from global if import in is lambda nonlocal not or pass raise return try while with yield match case " +
    "self super dict list tuple len range isinstance print float int bool min max abs sum sorted zip any all map str " +
    "enumerate slice each callable zip NamedTuple math operator re struct torch jax jnp optax mx keras")
    .split(" "),
);

/** Whether a class or function of a file can be called so: a name that is no word, built in or imported. */
export function isPythonName(name: unknown): name is string {
  return typeof name === "string" && /^[A-Za-z][A-Za-z0-9_]*$/.test(name) && !WORDS.has(name);
}

/** A name in snake case; one that is all of capitals stays so. */
export function snakeCase(name: string): string {
  const plain = plainDigits(name).normalize("NFKC");
  if (!/\p{Ll}/u.test(plain)) return plain;
  return plain.replace(/(?<=[\p{Ll}0-9])(?=\p{Lu})/gu, "_").toLowerCase();
}

/** The name of a class: `scheduleFreeAdamw` is `ScheduleFreeAdamw`. */
export function className(name: string): string {
  const plain = plainDigits(name).normalize("NFKC").replace(
    /_+(\p{L})/gu,
    (_, c) => c.toUpperCase(),
  );
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** Names that are each given once. */
export class PythonNames {
  readonly #taken: Set<string>;
  readonly #known = new Map<string, string>();

  constructor(
    taken: Iterable<string> = [],
    /** What is written for a name instead, before it is made a Python one. */
    readonly rename: (name: string) => string = (name) => name,
  ) {
    this.#taken = new Set(taken);
  }

  /** The name of what a program calls so: the same whenever it is asked for. */
  of(name: string): string {
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, known = this.fresh(this.rename(name)));
    return known;
  }

  /** A new name, like `name`. */
  fresh(name: string): string {
    // Names that begin with `_` are the file's own.
    const stem = snakeCase(name).replace(/^_+/, "") || "x";
    const first = WORDS.has(stem) ? `${stem}_` : stem;
    let made = first;
    for (let k = 2; this.#taken.has(made); k++) made = `${stem}_${k}`;
    this.#taken.add(made);
    return made;
  }
}

/** A number as Python writes it, so that it reads the same. */
export function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return "math.nan";
  if (!Number.isFinite(value)) return value > 0 ? "math.inf" : "-math.inf";
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /^-?\d{1,21}$/.test(text) ? text : text.replace("e+", "e");
}

/** A text as Python writes it. */
export function pythonText(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
