/** What names mean in the statements of a step. */
import { quoted } from "./errors.ts";
import { spellingsOf, WRITTEN_AS } from "./greek.ts";
import { IDENTIFIER, type Name, withoutTime } from "./names.ts";
import { apply, type Node, PARAMETER } from "./node.ts";
import { symbolHint } from "./notation.ts";
import type { Type } from "./ops.ts";
import { suggestedName } from "./other_names.ts";
import { isReserved, NAMED_NUMBERS } from "./words.ts";
import type { Scope } from "./reader.ts";
import { printExpression } from "./print.ts";
import type { Program } from "./program.ts";

type Fail = (message: string) => never;
type Names = Pick<ReadonlySet<string>, "has">;
type FailAt = Parameters<Required<Scope>["expect"]>[2];

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
    nameOf: (written, fail) => nameAmong(written, known, fail),
    read: (name, fail) =>
      known.get(name) ?? fail(
        `what to evaluate with is made of \`w\`, states and hyperparameters: ${
          quoted(name)
        } is none` +
          suggestedName(name, known.keys()),
      ),
    assign: (_name, _type, fail) =>
      fail("what to evaluate with is an expression: it assigns nothing"),
  };
}

/** The known name that is meant by one as it is written, or that as it is. */
export function nameAmong(written: Name, known: Names, fail: Fail): string {
  const stem = stemOf(written, known);
  if (known.has(stem)) return stem;
  const meant = spellingsOf(stem).filter((name) => known.has(name));
  if (meant.length > 1) {
    fail(`${quoted(stem)} may be ${meant.map(quoted).join(" or ")}: write the name that is meant`);
  }
  return meant[0] ?? written.text;
}

/** A name without its index in time, unless it is known with it. */
function stemOf(written: Name, known: Names): string {
  return known.has(written.text) ? written.text : withoutTime(written) ?? written.text;
}

/** What names mean in a step, and which have been assigned so far. */
export class StepScope implements Scope {
  readonly #known = new Map<string, Type>();
  readonly #assigned = new Set<string>();
  readonly #targets = new Set<string>();
  /** Those that are plain: what the others mean rests on them. */
  readonly #plain = new Set<string>();
  /** Whether some name has an index in time that is no part of it, as in `m_{t-1}`. */
  #isIndexed = false;
  readonly #declared: Pick<Program, "hyper" | "state" | "inputs">;
  /** The letters that names are read by: two of them may not be one name. */
  readonly #letters = new Map<string, string>();

  constructor(declared: Pick<Program, "hyper" | "state" | "inputs">) {
    this.#declared = declared;
    const given = ["w", "g", "t", "count", ...SHAPE_SYMBOLS.keys()];
    for (const name of [...given, ...declared.state.keys(), ...declared.inputs.keys()]) {
      this.#known.set(name, "number");
    }
    for (const [name, value] of declared.hyper) {
      this.#known.set(name, typeof value === "boolean" ? "truth" : "number");
    }
  }

  expect(targets: readonly Name[], isIndexed: boolean, fail: FailAt): void {
    this.#isIndexed = isIndexed;
    const isPlain = (target: Name) =>
      target.time === undefined && target.isNormal && withoutTime(target) === undefined;
    for (const { text } of targets.filter(isPlain)) this.#plain.add(text);
    for (const target of targets) {
      this.#targets.add(this.targetOf(target, (message) => fail(message, target)));
    }
  }

  nameOf(written: Name, fail: Fail): string {
    const names = { has: (name: string) => this.#known.has(name) || this.#targets.has(name) };
    const name = nameAmong(written, names, fail);
    if (!names.has(name)) return name;
    const stem = stemOf(written, names);
    if (written.time !== undefined || stem !== written.text) {
      this.#requireTime(name, written.time ?? 0, fail);
    }
    if (stem !== name && WRITTEN_AS.has(name)) {
      const letter = stem.replace("ϵ", "ε");
      const other = this.#letters.get(name) ?? letter;
      if (other !== letter) {
        fail(
          `${quoted(letter)} and ${quoted(other)} would both be \`${name}\`: declare one of them`,
        );
      }
      this.#letters.set(name, letter);
    }
    return name;
  }

  targetOf(written: Name, fail: Fail): string {
    const { text, time, isNormal } = written;
    const { hyper, state, inputs } = this.#declared;
    const given = new Set(["w", "u", "g", ...state.keys()]);
    const declared = new Set([...given, ...hyper.keys(), ...inputs.keys()]);
    const stem = stemOf(written, declared);
    const name = nameAmong({ text: stem, isNormal }, given, fail);
    if (time !== undefined && time !== 0 && name !== "w") {
      fail("a statement sets a value of this step, so its index is `t` or none");
    }
    if (time !== undefined || !isNormal) return name;
    if (stem === text) return text;
    if (!given.has(name)) {
      const isFree = !declared.has(nameAmong({ text: stem, isNormal }, declared, fail)) &&
        !RESERVED.has(stem) && !this.#plain.has(stem) && !isReserved(stem);
      return this.#isIndexed && isFree ? stem : text;
    }
    // Something has to set `u`.
    if (this.#isIndexed || (name === "u" && !this.#plain.has(name))) return name;
    // A local may stand beside what is set by its own name, or never.
    if (name !== "w" && name !== "g" && !this.#plain.has(name)) {
      fail(`${quoted(text)} would be a name of its own: write \`${name}\``);
    }
    return text;
  }

  read(name: string, fail: Fail): Type {
    const type = this.#known.get(name);
    if (type !== undefined) return type;
    const isLater = this.#targets.has(name);
    const names = [
      ...this.#known.keys(),
      ...[...this.#targets].filter((target) => target !== name),
      ...NAMED_NUMBERS.keys(),
    ];
    if (isLater) {
      const meant = spellingsOf(name).find((each) => this.#known.has(each));
      const hint = meant === undefined ? symbolHint(name) : `; did you mean \`${meant}\`?`;
      return fail(`${quoted(name)} is read before a statement sets it${hint}`);
    }
    return fail(
      `there is no symbol ${quoted(name)}${symbolHint(name) || suggestedName(name, names)}`,
    );
  }

  assign(name: string, type: Type, fail: Fail, value: Node): void {
    const { hyper, state, inputs } = this.#declared;
    if (name === "w") {
      fail(
        "`w`, the parameter, cannot be assigned: assign `u`, which is added to it" + addedBy(value),
      );
    }
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

  /** Refuses a name with an index in time where it does not have that value. */
  #requireTime(name: string, time: number, fail: Fail): void {
    if (time > 0) fail("the value of a later step is not known: this step sets those of index `t`");
    if (time === 0) {
      const { state } = this.#declared;
      if (state.has(name) && this.#targets.has(name) && !this.#assigned.has(name)) {
        fail(`\`${name}\` is set by a later statement: the one of the step before is \`${name}\``);
      }
      return;
    }
    if (time < -1) fail("only the value of the step before is kept");
    if (name !== "w" && !this.#declared.state.has(name)) {
      fail(
        `only states have a value of the step before, and \`${name}\` is none: keep it in one, which ` +
          `a later statement sets`,
      );
    }
    if (this.#assigned.has(name)) {
      fail(
        `\`${name}\` is the new one since a statement has set it: keep the old one before that, ` +
          `as in \`old = ${name}\``,
      );
    }
  }
}

/** What to write for a new value of the parameter that is the old one and a sum. */
function addedBy({ op, src: [before, change] }: Node): string {
  const isSum = (op === "Add" || op === "Sub") && before === PARAMETER;
  const text = !isSum ? "" : printExpression(op === "Add" ? change : apply("Neg", change));
  return text === "" || text.length > 200 ? "" : `: \`u = ${text}\``;
}
