/** A rule of rewriting: two expressions in the language's own text, a guard, and what the rule promises. */
import { GradusError } from "../errors.ts";
import { type Node, symbolsIn } from "../node.ts";
import type { Type } from "../ops.ts";
import { parseStatements } from "../parse.ts";
import type { Scope } from "../reader.ts";

/**
 * What a rule promises. `exact`: the same bits for every float32 input, NaN, infinities and -0
 * included. `relaxed`: the same real number wherever the guard holds and the left side is defined.
 * `approximate`: nothing; whoever applies it measures what it does.
 */
export type RuleKind = "exact" | "relaxed" | "approximate";

/**
 * A rule as it is written. A name in it stands for any expression, except for what its first letter
 * says: `p`, `q`: a condition; `k`: a number known before the loop over elements; `c`: a constant;
 * `e`: a value that changes from element to element.
 */
export interface RuleText {
  /** What it does, in a few words. */
  readonly name: string;
  /** What it looks for; operands of commutative operations in any order. */
  readonly from: string;
  /** What it puts in its place. */
  readonly to: string;
  /** A condition on what the names stand for, which must be certain. */
  readonly when?: string;
  /** What it promises. */
  readonly kind: RuleKind;
  /** Whether operands are looked for in the order of `from` only. */
  readonly ordered?: boolean;
}

/** A rule that has been read. */
export interface Rule extends RuleText {
  readonly pattern: Node;
  readonly template: Node;
  readonly guard: Node | undefined;
  /** The names that stand for something. */
  readonly variables: readonly string[];
}

/** What a name of a rule may stand for. */
export type VariableKind = "condition" | "slow" | "constant" | "element" | "any";

/** What the name of a variable lets it stand for. */
export function variableKind(name: string): VariableKind {
  switch (name[0]) {
    case "p":
    case "q":
      return "condition";
    case "k":
      return "slow";
    case "c":
      return "constant";
    case "e":
      return "element";
    default:
      return "any";
  }
}

/** Reads a rule; a name on its right must stand on its left. */
export function readRule(text: RuleText): Rule {
  const read = (source: string): Node => {
    const what = `rule "${text.name}"`;
    return parseStatements(`result = ${source}`, SCOPE, what)[0].value;
  };
  const pattern = read(text.from);
  const template = read(text.to);
  const guard = text.when === undefined ? undefined : read(text.when);
  const variables = [...symbolsIn([pattern])];
  for (const name of symbolsIn(guard === undefined ? [template] : [template, guard])) {
    if (!variables.includes(name)) {
      throw new GradusError(
        `Cannot read rule "${text.name}": what it puts in place and its guard must be made of ` +
          `names in \`${text.from}\`: given \`${name}\``,
      );
    }
  }
  return Object.freeze({ ...text, pattern, template, guard, variables });
}

const SCOPE: Scope = {
  read: (name): Type => variableKind(name) === "condition" ? "truth" : "number",
  assign: () => {},
};
