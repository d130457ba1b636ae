/** What names mean in the statements of a step. */
import { quoted, suggestion } from "./errors.ts";
import { IDENTIFIER } from "./lex.ts";
import type { Type } from "./ops.ts";
import { isReserved, NAMED_NUMBERS, type Scope } from "./parse.ts";
import type { Program } from "./program.ts";

/** What the shape of a parameter tells: numbers known before the first step, so that conditions on them cost nothing. */
export const SHAPE_SYMBOLS: ReadonlyMap<string, string> = new Map([
  ["rank", "the number of axes of the parameter"],
  ["rows", "the extent of its first axis, 1 if it has none"],
  ["columns", "the number of its elements in a row"],
  ["size", "the number of its elements"],
]);

/** Symbols with a meaning of their own, and that meaning. */
export const RESERVED: ReadonlyMap<string, string> = new Map([
  ["w", "the parameter"],
  ["g", "the incoming update"],
  ["u", "the outgoing update"],
  ["t", "the step number, 1 at the first update"],
  ["count", "the number of updates before this one"],
  ...SHAPE_SYMBOLS,
]);

/** What names mean in the expression of what to evaluate with: those of what a step leaves. */
export function evaluateScope({ hyper, state }: Pick<Program, "hyper" | "state">): Scope {
  const known = new Map<string, Type>(
    ["w", "t", "count", ...SHAPE_SYMBOLS.keys(), ...state.keys()].map((name) => [name, "number"]),
  );
  for (const [name, value] of hyper) {
    known.set(name, typeof value === "boolean" ? "truth" : "number");
  }
  return {
    read: (name, fail) =>
      known.get(name) ?? fail(
        `what to evaluate with is made of \`w\`, states and hyperparameters: ${
          quoted(name)
        } is none` +
          suggestion(name, known.keys()),
      ),
    assign: (_name, _type, fail) =>
      fail("what to evaluate with is an expression: it assigns nothing"),
  };
}

/** What names mean in a step, and which have been assigned so far. */
export class StepScope implements Scope {
  readonly #known = new Map<string, Type>();
  readonly #assigned = new Set<string>();
  readonly #targets: ReadonlySet<string>;
  readonly #declared: Pick<Program, "hyper" | "state" | "inputs">;

  constructor(text: string, declared: Pick<Program, "hyper" | "state" | "inputs">) {
    const assignment = /(?:^|[\n;])[ \t]*([^\s=←:;]{1,64})[ \t]*(?:=(?!=)|←|:=)/g;
    this.#targets = new Set(Array.from(text.matchAll(assignment), (match) => match[1]));
    this.#declared = declared;
    const given = ["w", "g", "t", "count", ...SHAPE_SYMBOLS.keys()];
    for (const name of [...given, ...declared.state.keys(), ...declared.inputs.keys()]) {
      this.#known.set(name, "number");
    }
    for (const [name, value] of declared.hyper) {
      this.#known.set(name, typeof value === "boolean" ? "truth" : "number");
    }
  }

  read(name: string, fail: (message: string) => never): Type {
    const type = this.#known.get(name);
    if (type !== undefined) return type;
    if (this.#targets.has(name)) return fail(`${quoted(name)} is read before a statement sets it`);
    const near = suggestion(name, [
      ...this.#known.keys(),
      ...this.#targets,
      ...NAMED_NUMBERS.keys(),
    ]);
    return fail(`there is no symbol ${quoted(name)}${near}`);
  }

  assign(name: string, type: Type, fail: (message: string) => never): void {
    const { hyper, state, inputs } = this.#declared;
    if (name === "w") fail("`w`, the parameter, is not assigned: assign `u`, which is added to it");
    if (name === "t" || name === "count" || SHAPE_SYMBOLS.has(name)) {
      fail(`\`${name}\` is ${RESERVED.get(name)}: it is only read`);
    }
    if (hyper.has(name)) fail(`\`${name}\` is a hyperparameter: it is only read`);
    if (inputs.has(name)) fail(`\`${name}\` is an input: it is only read`);
    if (isReserved(name)) fail(`\`${name}\` is part of the language and cannot be assigned`);
    if (!IDENTIFIER.test(name)) {
      fail("a name has at most 64 letters and digits and does not begin with `__`");
    }
    if ((name === "u" || name === "g" || state.has(name)) && type !== "number") {
      fail(`\`${name}\` must be a number, and this is a condition`);
    }
    this.#known.set(name, type);
    this.#assigned.add(name);
  }

  isAssigned(name: string): boolean {
    return this.#assigned.has(name);
  }
}
