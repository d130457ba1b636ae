/** What is said of leaves by rules on their paths and shapes: the value of the first rule that fits. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { spellPath } from "./leaf.ts";

/** What a rule looks at. */
export interface MatchedLeaf {
  /** The keys from the root to the leaf, joined by `/`. */
  readonly path: string;
  /** Its extents. */
  readonly shape: readonly number[];
  /** The number of axes. */
  readonly rank: number;
}

/**
 * Which leaves a rule is for: a pattern of their path, in which `*` stands for any text, `/` included, or a
 * function that tells.
 */
export type LeafPattern = string | ((leaf: MatchedLeaf) => boolean);

/**
 * Values by rules, in the place of a tree of values: each leaf gets that of the first rule that fits, and
 * some rule must.
 *
 * @example
 * ```ts
 * import { adamw, type Match } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const mask: Match<boolean> = { match: [["*norm*", false], [({ rank }) => rank < 2, false], ["*", true]] };
 * const opt = adamw({ learningRate: 1, weightDecay: 0.5, mask });
 * const ones = () => ({ data: Float32Array.of(1, 1), shape: [1, 2] });
 * const params = { layer: { weight: ones(), bias: Float32Array.of(1) }, norm: ones() };
 * const still = { layer: { weight: ones(), bias: Float32Array.of(0) }, norm: ones() };
 * still.layer.weight.data.fill(0);
 * still.norm.data.fill(0);
 * opt.step(params, still, opt.init(params));
 * assertEquals(params.layer.weight.data, Float32Array.of(0.5, 0.5));
 * assertEquals([params.layer.bias[0], params.norm.data[0]], [1, 1]);
 * ```
 */
export interface Match<T> {
  /** The rules, in the order in which they are tried. */
  readonly match: readonly (readonly [leaves: LeafPattern, value: T])[];
}

/** Whether something is meant as rules, well-formed or not. */
export function isMatch(node: unknown): node is Match<unknown> {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return false;
  const { match } = node as { match?: unknown };
  return Object.keys(node).length === 1 && Array.isArray(match) && match.every(Array.isArray);
}

/** The same rules with other values. */
export function mapMatch<T, U>({ match }: Match<T>, change: (value: T) => U): Match<U> {
  return { match: match.map(([leaves, value]) => [leaves, change(value)]) };
}

/** What tells of a leaf which rule is the first that fits, by its place among them. */
export function firstMatch(
  { match }: Match<unknown>,
  what: string,
  doing: string,
): (leaf: MatchedLeaf) => number {
  const rules = match.map((rule, i) => {
    const leaves: unknown = Array.isArray(rule) && rule.length === 2 ? rule[0] : undefined;
    if (typeof leaves === "function") return leaves as (leaf: MatchedLeaf) => boolean;
    if (typeof leaves !== "string") {
      throw new GradusError(
        `${doing}: ${what} must have rules of a pattern, or a function that chooses leaves, and a value: ` +
          `given ${shown(rule)} as rule ${i + 1}`,
      );
    }
    const fits = matcherOf(leaves);
    return ({ path }: MatchedLeaf) => fits(path);
  });
  return (leaf) => {
    const found = rules.findIndex((fits) => fits(leaf));
    if (found >= 0) return found;
    const patterns = match.map(([leaves]) =>
      typeof leaves === "string" ? quoted(leaves) : "a function"
    );
    throw new GradusError(
      `${doing}: a rule of ${what} must fit ${spellPath(leaf.path)}: given ${
        patterns.join(", ")
      }; add \`["*", …]\` for all others`,
    );
  };
}

/** Whether a name is meant by a pattern, in which `*` stands for any text. */
export function matcherOf(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return (name) => name === pattern;
  return (name) => {
    const [first, last] = [parts[0], parts.at(-1)!];
    if (!name.startsWith(first) || name.length < first.length + last.length) return false;
    let at = first.length;
    for (const part of parts.slice(1, -1)) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return name.length - last.length >= at && name.endsWith(last);
  };
}
