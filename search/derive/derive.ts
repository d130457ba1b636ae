/** Derives a readable optimizer from a found program, each line by a named rule or a measured change. */
import { type Kinds, LIST, RECORD, requireOptions } from "../../dsl/options.ts";
import type { Program } from "../../dsl/program.ts";
import { printProgram } from "../../dsl/print.ts";
import { compareForms } from "../../dsl/rewrite/compare.ts";
import { LANGUAGE_FACTS, readFacts, USUAL_FACTS } from "../../dsl/rewrite/facts.ts";
import { type Form, formOf, replaceNode } from "../../dsl/rewrite/form.ts";
import { programOf } from "../../dsl/rewrite/layout.ts";
import { APPROXIMATE_RULES } from "../../dsl/rewrite/relaxed_rules.ts";
import { readRule, type RuleKind } from "../../dsl/rewrite/rule.ts";
import { rewrites, simplifyForm, type SimplifyStep } from "../../dsl/rewrite/simplify_program.ts";
import { type Effect, measureEffect } from "./effect.ts";
import { changedLine, nextNaming, renamedAs } from "./name_constants.ts";
import { guessed } from "./probe.ts";

/** How {@linkcode derive} goes about it. */
export interface DeriveOptions {
  /** Values of hyperparameters for the measurements; required ones are 1, as a schedule begins. */
  readonly hyper?: Readonly<Record<string, number | boolean>>;
  /** What hyperparameters are known to be. Default: what their usual names promise. */
  readonly facts?: readonly string[];
  /**
   * Which part of the updates may change sign by an approximation, for it to be made. Default 0.1; 0 makes
   * none that changes any.
   */
  readonly tolerance?: number;
  /** Programs it may turn out to be, such as those of the library. */
  readonly known?: readonly Program[];
}

const KINDS: Kinds<DeriveOptions> = {
  hyper: RECORD,
  facts: LIST,
  tolerance: {
    is: (value) => value as number >= 0 && value as number <= 1,
    must: "a number from 0 to 1",
  },
  known: LIST,
};

/** One line of a derivation. */
export interface DerivationStep extends Omit<SimplifyStep, "kind"> {
  /**
   * What the rule promises; `named` changes names and defaults only; `constants` gives constants the
   * values that were published.
   */
  readonly kind: RuleKind | "named" | "constants";
  /** What the change does, if it was measured. */
  readonly effect?: Effect;
  /** Whether the change was made. What was measured and refused stays on record. */
  readonly isMade: boolean;
}

/** Some steps of one kind, and what they lead to. */
export interface DerivationStage {
  /** What the steps have in common. */
  readonly title: string;
  /** The steps, in order, those refused among them. */
  readonly steps: readonly DerivationStep[];
  /** The program they lead to. */
  readonly program: Program;
  /** What all steps of the stage together do, where none was measured by itself. */
  readonly effect?: Effect;
}

/** What {@linkcode derive} returns. */
export interface Derivation {
  /** The program it began with. */
  readonly raw: Program;
  /** The program it came to. */
  readonly program: Program;
  /** What was done, in order. */
  readonly stages: readonly DerivationStage[];
  /** The known program that it is but for the order of statements and its notes, if it is one. */
  readonly known: Program | undefined;
  /** The whole as text. */
  toString(): string;
}

const APPROXIMATE = APPROXIMATE_RULES.map(readRule);

/**
 * Derives an optimizer that reads well from a program that was found by search. In turn: what changes no
 * bit; what is true of real numbers; approximations, each measured on streams of gradients and made only if
 * few updates change sign; names for constants; and, if it is a known program but for names and constants,
 * that program's names and constants, measured too.
 *
 * @example
 * ```ts
 * import { derive } from "@gradus/gradus/derive";
 * import { optimizer, signum } from "@gradus/gradus";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const raw = optimizer({
 *   name: "raw",
 *   hyper: { learningRate: "required" },
 *   state: { v: 0, waste: 0 },
 *   step: `
 *     v = (1 - 0.9)*g + v*0.9
 *     waste = cosh(v)
 *     u = -(v/sqrt(v*v)*(learningRate*0.01))
 *   `,
 * });
 * const derivation = derive(raw.program, { known: [signum.program] });
 * assert(derivation.program === signum.program);
 * assertEquals(derivation.stages[0].steps[0].rule, "a state that is overwritten before it is read");
 * ```
 *
 * @throws {GradusError} if the tolerance is no number from 0 to 1.
 */
export function derive(raw: Program, options: DeriveOptions = {}): Derivation {
  requireOptions(`Cannot derive "${raw.name}"`, options, KINDS);
  const { tolerance = 0.1, known = [], facts = USUAL_FACTS } = options;
  const hyper: Record<string, number | boolean> = {};
  for (const name of Object.keys(guessed(raw))) hyper[name] = 1;
  Object.assign(hyper, options.hyper);
  const stages: DerivationStage[] = [];
  const finish = (title: string, steps: readonly DerivationStep[], form: Form): Form => {
    if (steps.length > 0) stages.push({ title, steps, program: programOf(form) });
    return form;
  };
  const finishMeasured = (
    title: string,
    steps: readonly DerivationStep[],
    [before, after]: readonly [Form, Form],
  ): Form => {
    const program = programOf(after);
    const effect = measureEffect(programOf(before), program, { hyper });
    if (steps.length > 0) stages.push({ title, steps, program, effect });
    return after;
  };

  const exact = simplifyForm(formOf(raw), {});
  let form = finish("What changes no bit", made(exact.trace), exact.form);
  const relaxed = simplifyForm(form, { allow: "relaxed", facts });
  form = finishMeasured("What is true of real numbers", made(relaxed.trace), [form, relaxed.form]);
  const near = approximate(form, hyper, tolerance, facts);
  form = finish("Approximations, each measured", near.steps, near.form);
  const named = nameConstants(form, hyper, facts);
  form = finish("Names for constants", named.steps, named.form);
  const recognised = recognise(form, hyper, known, facts);
  form = finish("A known optimizer", recognised.steps, recognised.form);
  const derivation = { raw, program: programOf(form), stages, known: recognised.known };
  return Object.freeze({ ...derivation, toString: () => write(derivation) });
}

function made(trace: readonly SimplifyStep[]): DerivationStep[] {
  return trace.map((step) => ({ ...step, isMade: true }));
}

interface Stage {
  readonly steps: DerivationStep[];
  readonly form: Form;
}

function approximate(
  start: Form,
  hyper: Record<string, number | boolean>,
  tolerance: number,
  facts: readonly string[],
): Stage {
  const known = readFacts([...LANGUAGE_FACTS, ...facts]);
  const steps: DerivationStep[] = [];
  let form = start;
  for (let isDone = false; !isDone;) {
    isDone = true;
    const before = programOf(form);
    for (const { rule: { rule, kind }, from, to } of rewrites(form, APPROXIMATE, known)) {
      const next = replaceNode(form, from, to);
      const effect = measureEffect(before, programOf(next), { hyper });
      const isMade = effect.signChanges <= tolerance && Number.isFinite(effect.difference);
      const step = { rule, kind, ...changedLine(form, next), effect, isMade };
      const isSeen = (each: DerivationStep) =>
        !each.isMade && each.rule === rule && each.before === step.before;
      if (isMade || !steps.some(isSeen)) steps.push(step);
      if (!isMade) continue;
      const simple = simplifyForm(next, { allow: "relaxed", facts });
      steps.push(...made(simple.trace));
      form = simple.form;
      isDone = false;
      break;
    }
  }
  return { steps, form };
}

function nameConstants(
  start: Form,
  hyper: Record<string, number | boolean>,
  facts: readonly string[],
): Stage {
  const steps: DerivationStep[] = [];
  let form = start;
  for (let next = nextNaming(form); next !== undefined; next = nextNaming(form)) {
    const { rule, place, before, after, scaled } = next;
    steps.push({ rule, kind: "named", place, before, after, isMade: true });
    if (scaled !== undefined) hyper[scaled.name] = hyper[scaled.name] as number * scaled.factor;
    form = next.form;
  }
  if (steps.length === 0) return { steps, form };
  const simple = simplifyForm(form, { allow: "relaxed", facts });
  return { steps: [...steps, ...made(simple.trace)], form: simple.form };
}

function recognise(
  form: Form,
  hyper: Readonly<Record<string, number | boolean>>,
  known: readonly Program[],
  facts: readonly string[],
): Stage & { readonly known: Program | undefined } {
  const program = programOf(form);
  for (const model of known) {
    const same = compareForms(program, model, { facts });
    if (same === undefined || same.names.size !== model.hyper.size + model.state.size) continue;
    const renamed = { ...renamedAs(form, formOf(model), same.names), name: model.name };
    const notes = { doc: model.doc, source: model.source };
    const own = programOf(renamed);
    const steps: DerivationStep[] = [];
    if (printProgram(own).step !== printProgram(program).step) {
      const pairs = [...same.names].filter(([theirs, mine]) => theirs !== mine)
        .map(([theirs, mine]) => `${mine} is called ${theirs}`).join(", ");
      steps.push({
        rule: `this is ${model.name}`,
        kind: "named",
        place: pairs,
        before: printProgram(program).step,
        after: printProgram(own).step,
        isMade: true,
      });
    }
    const published = { ...renamed, ...notes, hyper: model.hyper, domains: model.domains };
    const differing = [...model.hyper].filter(([name, value]) => renamed.hyper.get(name) !== value);
    if (differing.length > 0) {
      const values = (of: ReadonlyMap<string, unknown>) =>
        differing.map(([name]) => `${name} = ${of.get(name)}`).join(", ");
      steps.push({
        rule: `the constants that ${model.name} was published with`,
        kind: "constants",
        place: differing.map(([name]) => name).join(", "),
        before: values(renamed.hyper),
        after: values(model.hyper),
        effect: measureEffect(own, programOf(published), { hyper: calledAs(hyper, same.names) }),
        isMade: true,
      });
    }
    return { steps, form: published, known: model };
  }
  return { steps: [], form, known: undefined };
}

/** Values of hyperparameters under the names that a known program has for them. */
function calledAs(
  hyper: Readonly<Record<string, number | boolean>>,
  names: ReadonlyMap<string, string>,
): Record<string, number | boolean> {
  const back = new Map([...names].map(([theirs, mine]) => [mine, theirs]));
  return Object.fromEntries(
    Object.entries(hyper).map(([name, value]) => [back.get(name) ?? name, value]),
  );
}

/** What an effect comes to, in one sentence. */
export function writeEffect(effect: Effect): string {
  const { streams, steps, elements, signChanges, mended, difference, drift, lossRatio } = effect;
  const number = (x: number) => String(Number(x.toPrecision(2)));
  if (!Number.isFinite(difference)) {
    return `measured: updates that are no numbers, on ${streams.length} streams of ${steps} steps`;
  }
  return `measured over ${streams.length} streams of ${steps} steps and ${elements} elements: ` +
    (mended === 0 ? "" : `${number(100 * mended)} % of updates were no numbers and now are; `) +
    `${number(100 * signChanges)} % of updates change sign, ` +
    `updates differ by ${number(100 * difference)} %, ` +
    `parameters by at most ${number(100 * drift)} % of their way; ` +
    `on a noisy quadratic the loss is ${number(lossRatio)} times as large`;
}

function write({ raw, stages, known }: Omit<Derivation, "toString">): string {
  const indent = (text: string, by: string) => by + text.replaceAll("\n", `\n${by}`);
  const lines = [`As found: ${raw.name}`, "", indent(printProgram(raw).step, "    ")];
  for (const { title, steps, program, effect: stageEffect } of stages) {
    lines.push("", title, "");
    for (const step of steps) {
      const { rule, kind, place, before, after, effect, isMade } = step;
      lines.push(
        `  ${isMade ? "" : "refused: "}${rule} (${kind})${place === "" ? "" : `: ${place}`}`,
      );
      if (before !== "") lines.push(indent(before, "    - "));
      if (after !== "") lines.push(indent(after, "    + "));
      if (effect !== undefined) lines.push(`    ${writeEffect(effect)}`);
    }
    if (stageEffect !== undefined) lines.push(`  All of these, ${writeEffect(stageEffect)}`);
    lines.push("", indent(printProgram(program).step, "    "));
  }
  const differs = known === undefined
    ? "It is none of the known optimizers."
    : `It is ${known.name}, statement for statement up to their order, as far as the changes above go: ` +
      `what is approximate or constants was measured, not proven.`;
  return [...lines, "", differs].join("\n");
}
