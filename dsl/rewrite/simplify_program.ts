/** Makes a program shorter by named rules, and tells each step. */
import { once } from "../once.ts";
import { constant, type Node, postorder, replaceSymbols } from "../node.ts";
import { elementRow } from "../ops.ts";
import { printExpression, printStatements } from "../print.ts";
import { isAtMost, rates } from "../graph.ts";
import type { Program } from "../program.ts";
import { EXACT_RULES } from "./exact_rules.ts";
import { type Facts, holds, LANGUAGE_FACTS, readFacts, USUAL_FACTS } from "./facts.ts";
import { type Form, formOf, isSound, replaceNode } from "./form.ts";
import { programOf, statementsOf } from "./layout.ts";
import { type Admits, matches } from "./match.ts";
import { nextName } from "./locals.ts";
import { type Change, nextChange, unreadHyper } from "./passes.ts";
import { RELAXED_RULES } from "./relaxed_rules.ts";
import { readRule, type Rule, type RuleKind, type RuleText, variableKind } from "./rule.ts";

/** How {@linkcode simplify} may change a program. */
export interface SimplifyOptions {
  /**
   * `"exact"`: the same bits for every input; `"relaxed"`: also what is true of real numbers. Default
   * `"exact"`.
   */
  readonly allow?: "exact" | "relaxed";
  /**
   * What hyperparameters are known to be, such as `"0 < b1 & b1 < 1"`; only relaxed rules rest on it.
   * Default: what their usual names promise.
   */
  readonly facts?: readonly string[];
  /** States that are results of their own, and stay though the update does not need them. */
  readonly keep?: readonly string[];
  /** Further rules, tried after the others. */
  readonly rules?: readonly RuleText[];
}

/** One step of a {@linkcode Simplification}. */
export interface SimplifyStep {
  /** The name of the rule. */
  readonly rule: string;
  /** What the rule promises. */
  readonly kind: RuleKind;
  /** The target of the statement, or the state or hyperparameter, that changed. */
  readonly place: string;
  /** What stood there. */
  readonly before: string;
  /** What stands there now; empty if nothing does. */
  readonly after: string;
}

/** What {@linkcode simplify} returns. */
export interface Simplification {
  /** The shorter program. */
  readonly program: Program;
  /** Every step to it, in order. */
  readonly trace: readonly SimplifyStep[];
}

// Far more than any program takes; a program that took as many would still be right, and less simple.
const MOST_STEPS = 2_000;

const exact = once(() => EXACT_RULES.map(readRule));
const relaxed = once(() => [...exact(), ...RELAXED_RULES.map(readRule)]);
const NO_FACTS = readFacts(LANGUAGE_FACTS);

/**
 * Makes a program shorter: named rules of rewriting, constants folded, and no statement or state
 * computed that the update does not need, in this step or a later one. States that always agree become
 * one. The order of statements and the names of locals stay where they can.
 *
 * @example
 * ```ts
 * import { simplify } from "@gradus/gradus/derive";
 * import { optimizer } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const { program } = optimizer({
 *   name: "raw",
 *   state: { m: 0, unused: 0 },
 *   step: `
 *     m = 0.9*m + g
 *     u = -(m/sqrt(m*m))
 *     unused = cosh(u)
 *   `,
 * });
 * const simple = simplify(program, { allow: "relaxed" });
 * assertEquals(simple.program.statements.length, 2);
 * assertEquals(simple.trace.map(({ rule, after }) => `${rule}: ${after}`), [
 *   "a state that is overwritten before it is read: ",
 *   "a square: u = -(m/sqrt(m^2))",
 *   "root of a square: u = -(m/abs(m))",
 *   "a value by its magnitude: u = -sign(m)",
 * ]);
 * ```
 */
export function simplify(program: Program, options: SimplifyOptions = {}): Simplification {
  const { form, trace } = simplifyForm(formOf(program), options);
  return Object.freeze({ program: programOf(form), trace: Object.freeze(trace) });
}

/** The same on a form. Without names, locals are called as they were: nothing else depends on them. */
export function simplifyForm(
  start: Form,
  { allow = "exact", facts = USUAL_FACTS, keep = [], rules = [] }: SimplifyOptions,
  { isNamed = true } = {},
): { form: Form; trace: SimplifyStep[] } {
  const known = allow === "exact" ? NO_FACTS : readFacts([...LANGUAGE_FACTS, ...facts]);
  const all = [...(allow === "exact" ? exact() : relaxed()), ...rules.map(readRule)];
  const kept = new Set(keep.filter((name) => start.state.has(name)));
  const trace: SimplifyStep[] = [];
  let form = start;
  while (trace.length < MOST_STEPS) {
    const change = nextChange(form, allow, kept);
    if (change !== undefined) {
      trace.push(stepOf(change));
      form = change.form;
      continue;
    }
    const found = nextRewrite(form, all, known);
    if (found === undefined) break;
    const before = form;
    const { rewrite } = found;
    const told = once(() => placeOf(before, found.form, rewrite));
    trace.push({
      ...rewrite.rule,
      get place() {
        return told().place;
      },
      get before() {
        return told().before;
      },
      get after() {
        return told().after;
      },
    });
    form = found.form;
  }
  const last = () => (isNamed ? nextName(form) : undefined) ?? unreadHyper(form);
  for (let next = last(); next !== undefined; next = last()) {
    trace.push(stepOf(next));
    form = next.form;
  }
  return { form, trace };
}

/** A change as a step whose lines are written when they are read: a search reads none. */
function stepOf({ rule, kind, place, before, after }: Change): SimplifyStep {
  const [old, next] = [once(before), once(after)];
  return {
    rule,
    kind,
    place,
    get before() {
      return old();
    },
    get after() {
      return next();
    },
  };
}

/** A rule that applies somewhere. */
export interface Rewrite {
  readonly rule: Pick<Rule, "kind"> & { readonly rule: string };
  readonly from: Node;
  readonly to: Node;
}

/** The first place, operands before their users, where one of `rules` applies, and what comes of it. */
function nextRewrite(
  form: Form,
  rules: readonly Rule[],
  facts: Facts,
): { readonly rewrite: Rewrite; readonly form: Form } | undefined {
  for (const rewrite of rewrites(form, rules, facts, true)) {
    const next = replaceNode(form, rewrite.from, rewrite.to);
    if (isSound(next)) return { rewrite, form: next };
  }
}

/** Every place where a rule applies. */
export function* rewrites(
  form: Form,
  rules: readonly Rule[],
  facts: Facts,
  folds = false,
): Generator<Rewrite> {
  const roots = [...form.outputs.values()];
  const rate = rates(roots, { ...form, statements: [] });
  const isSlow = (node: Node) => isAtMost(rate.get(node) ?? "element", "step");
  const isTruth = (node: Node) =>
    node.op === "Symbol"
      ? typeof form.hyper.get(node.arg as string) === "boolean"
      : elementRow(node.op)?.gives === "truth";
  const admits: Admits = (name, node) => {
    switch (variableKind(name)) {
      case "condition":
        return isTruth(node);
      case "constant":
        return node.op === "Const";
      case "slow":
        return isSlow(node) && !isTruth(node);
      case "element":
        return !isSlow(node) && !isTruth(node);
      default:
        return !isTruth(node);
    }
  };
  for (const node of postorder(roots)) {
    if (node.src.length === 0) continue;
    const folded = folds ? foldConstants(node) : undefined;
    if (folded !== undefined) {
      yield { rule: { rule: "constants folded", kind: "exact" }, from: node, to: folded };
    }
    for (const rule of rules) {
      if (rule.pattern.op !== node.op) continue;
      for (const bound of matches(rule, node, admits)) {
        if (rule.guard !== undefined && !holds(replaceSymbols(rule.guard, bound), facts)) continue;
        const to = replaceSymbols(rule.template, bound);
        if (to !== node) yield { rule: { rule: rule.name, kind: rule.kind }, from: node, to };
      }
    }
  }
}

/**
 * What an operation on constants comes to, unless that takes longer to write, as with 1 - 0.9: it is
 * folded anyway when the program runs.
 */
function foldConstants(node: Node): Node | undefined {
  const row = elementRow(node.op);
  if (row === undefined || row.gives === "truth") return undefined;
  if (!node.src.every(({ op }) => op === "Const")) return undefined;
  const folded = constant(row.eval(...node.src.map(({ arg }) => arg as number)));
  const isLonger = printExpression(folded).length > printExpression(node).length;
  return isLonger ? undefined : folded;
}

/** Where a rewrite happened, and how the statement read before and after. */
function placeOf(
  before: Form,
  after: Form,
  { from, to }: Rewrite,
): Pick<SimplifyStep, "place" | "before" | "after"> {
  const lines = (form: Form) =>
    statementsOf(form).map((statement) =>
      [statement.target, printStatements([statement])] as const
    );
  const [old, next] = [lines(before), new Map(lines(after))];
  const changed = old.filter(([target, line]) => next.get(target) !== line);
  // Of the statements that changed, the first that is still there.
  const [target, line] = changed.find(([target]) => next.has(target)) ?? changed[0] ?? [];
  if (target === undefined || line === undefined) {
    return { place: "", before: printExpression(from), after: printExpression(to) };
  }
  return { place: target, before: line, after: next.get(target) ?? printExpression(to) };
}
