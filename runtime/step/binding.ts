/**
 * Binds a program with its hyperparameters to the structure of a tree. Leaves that are given the same
 * hyperparameters and types form a group, which is planned once.
 */
import { ANY_NUMBER, type Domain, isWithin, requireWithin } from "../../dsl/domain.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import { evaluated, evaluation, type Structural } from "../../dsl/graph.ts";
import { constant, type Node, postorder, symbolsIn, ZERO } from "../../dsl/node.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { type FormKey, guardsAt, guardsOf } from "../plan/forms.ts";
import { readingOf, remainingOf } from "../plan/readings.ts";
import { type Arithmetic, arithmeticOf, type DType } from "../trees/dtype.ts";
import {
  type HyperNumbers,
  type HyperValue,
  isScheduled,
  type LeafSetting,
  leafSettings,
  numbersAt,
  type Setting,
} from "../trees/hyperparameters.ts";
import type { Layout } from "../trees/layout.ts";
import { spellPath } from "../trees/leaf.ts";
import { inputOf, type State, treeNumber } from "../trees/state.ts";
import type { StateStorage } from "../trees/state_storage.ts";
import type { Blank, Bound, Form, Rule, StepNumbers } from "./device.ts";

/** Leaves that are computed alike. */
export interface Group {
  readonly leaves: readonly number[];
  /** What the parameters are stored as. */
  readonly stored: DType;
  /** What is computed in. */
  readonly dtype: Arithmetic;
  /** What the program looks at of the leaves' shape: see {@linkcode axesSeen}. */
  readonly axes: readonly number[];
  readonly settings: ReadonlyMap<string, LeafSetting>;
  readonly structural: Structural;
  /**
   * The states that these leaves keep. One whose every reader is structurally absent, such as the
   * momentum of a descent without any, is not: where other leaves keep it, theirs is an empty array.
   */
  readonly live: ReadonlySet<string>;
}

/** The plan that a step chooses. */
export interface StepKey {
  /** The binding that the groups are of: another than was asked only if a tree was written across its groups. */
  readonly binding: Binding;
  /** What is computed: the program of the binding, or its evaluation. */
  readonly program: Program;
  /** By group. */
  readonly keys: readonly FormKey[];
}

/** The numbers of a step and the plan they choose. */
export interface StepForm extends Form {
  readonly key: StepKey;
  /** The value of every symbol that changes once a step, by group; the next step writes over it. */
  readonly symbols: readonly ReadonlyMap<string, number>[];
}

/** A setting that is a number at each step. */
interface Numeric {
  readonly name: string;
  readonly value: HyperValue;
  readonly domain: Domain;
  readonly clock: string | undefined;
  readonly isScheduled: boolean;
  readonly isMasked: readonly boolean[];
}

const NONE: ReadonlySet<string> = new Set();

/** An optimizer on a tree of one structure. */
export class Binding implements Bound<StepForm> {
  readonly layout: Layout;
  readonly groups: readonly Group[];
  /** The group of each leaf. */
  readonly groupOf: readonly Group[];
  readonly live: ReadonlySet<string>;
  readonly program: Program;
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #numeric: readonly Numeric[];
  readonly #scalars: readonly string[];
  readonly #treeStates: readonly string[];
  readonly #symbols: readonly Map<string, number>[];
  /** By group: what was 0 for good when the optimizer was made. */
  readonly #zeros: readonly (readonly string[])[];
  /** What the last step used and was not written; the next step writes over it. */
  readonly #used: Record<string, HyperNumbers> = {};
  readonly #keys: StepKey[] = [];
  readonly #finer: {
    readonly name: string;
    readonly parts: number[];
    readonly binding: Binding;
  }[] = [];

  constructor(
    program: Program,
    settings: ReadonlyMap<string, Setting>,
    layout: Layout,
    params: unknown,
    doing: string,
    coarser?: Binding,
  ) {
    [this.layout, this.program, this.#settings] = [layout, program, settings];
    const reading = readingOf(program);
    const perLeaf = new Map(
      [...settings].map(([name, setting]) => [
        name,
        leafSettings(name, setting, layout, params, doing),
      ]),
    );
    const groups = new Map<string, Group & { readonly leaves: number[]; live: Group["live"] }>();
    this.groupOf = layout.leaves.map(({ dtype: stored, shape }, i) => {
      const axes = reading.axes(shape);
      const numbers = new Map(reading.shape.map((name) => [name, shapeNumber(name, shape)]));
      const given = new Map([...perLeaf].map(([name, leaves]) => [name, leaves[i]]));
      const marks = [...given.values()].map((setting) => [setting.part, setting.isMasked]);
      // Groups are only ever split further: what is structural stays so as it was made.
      const within = coarser?.groupOf[i];
      const key = JSON.stringify([
        ...[stored, axes, marks, coarser?.groups.indexOf(within!)],
        ...numbers.values(),
      ]);
      let group = groups.get(key);
      if (group === undefined) {
        const structural = within?.structural ?? structuralOf(given, numbers);
        const dtype = arithmeticOf(stored);
        group = { leaves: [], stored, dtype, axes, settings: given, structural, live: NONE };
        groups.set(key, group);
      }
      group.leaves.push(i);
      return group;
    });
    this.groups = [...groups.values()];
    this.live = coarser?.live ??
      statesKept(program, this.groups.map(({ structural }) => structural));
    requireOneOfTree(
      program,
      this.live,
      doing,
      (name) =>
        perLeaf.get(name)!.map(({ value, position, isMasked }) => ({
          value: isMasked ? 0 : value,
          position,
        })),
    );
    for (const group of groups.values()) {
      const { lasting } = remainingOf(program, group.structural);
      group.live = new Set([...this.live].filter((name) => lasting.has(name)));
    }
    this.#numeric = [...settings].flatMap(([name, { value, clock }]) =>
      typeof value === "boolean" ? [] : [{
        ...{ name, clock, isScheduled: isScheduled(value) },
        // A tree of numbers is copied: states show it, and what they show is frozen.
        value: isScheduled(value) ? value : numbersAt(value, 0),
        domain: program.domains.get(name) ?? ANY_NUMBER,
        isMasked: this.groups.map((group) => group.settings.get(name)!.isMasked),
      }]
    );
    this.#scalars = [...program.inputs].flatMap(([name, kind]) => kind === "scalar" ? [name] : []);
    this.#treeStates = [...this.live].filter((name) => program.state.get(name)!.over === "tree");
    this.#symbols = this.groups.map(() => new Map());
    this.#zeros = this.groups.map(({ structural }) =>
      [...structural].flatMap(([name, value]) => value === ZERO ? [name] : [])
    );
  }

  livesIn(leaf: number): ReadonlySet<string> {
    return this.groupOf[leaf].live;
  }

  beginning(params: object, doing: string): {
    readonly used: Form["used"];
    of(state: string, leaf: number | undefined): Pick<Blank<never>, "init" | "symbols">;
  } {
    const numbers = this.#numbersOf({}, () => 0, params, doing);
    const symbols = numbers.binding.#symbols.map((each) => new Map(each));
    const groupOf = (leaf: number) => numbers.binding.groups.indexOf(numbers.binding.groupOf[leaf]);
    return {
      used: { ...numbers.used },
      of: (state, leaf) => ({
        init: this.program.state.get(state)!.init,
        symbols: symbols[leaf === undefined ? 0 : groupOf(leaf)],
      }),
    };
  }

  form(given: StepNumbers, unknown: ReadonlySet<string>, doing: string): StepForm {
    return this.#formOf(this.program, given, 0, unknown, doing);
  }

  evaluation(
    given: Omit<StepNumbers, "inputs">,
    unknown: ReadonlySet<string>,
    doing: string,
  ): StepForm {
    const form = this.#formOf(
      evaluation(this.program),
      { ...given, inputs: {} },
      1,
      unknown,
      doing,
    );
    for (const { structural } of form.key.keys) requireDivisor(this.program, structural, doing);
    return form;
  }

  /** The numbers of `program`, which is this one or its evaluation, so many steps `ago`. */
  #formOf(
    program: Program,
    { state, inputs, params }: StepNumbers,
    ago: 0 | 1,
    unknown: ReadonlySet<string>,
    doing: string,
  ): StepForm {
    const clock = (name: string | undefined): number => {
      if (name === undefined) return Math.max(0, state.count - ago);
      if (!unknown.has(name)) return Math.max(0, treeNumber(state, name, doing) - ago);
      throw new GradusError(
        `${doing}: a schedule must follow a number that is known before the step: it follows state ` +
          `\`${name}\`, which is computed from gradients`,
      );
    };
    const { binding, used } = this.#numbersOf(state.hyper, clock, params, doing);
    const symbols = binding.#symbols;
    for (const each of symbols) each.set("count", state.count - ago);
    for (const name of program === this.program ? this.#scalars : []) {
      const value = inputOf(inputs, name, doing);
      for (const each of symbols) each.set(name, value);
    }
    for (const name of this.#treeStates) {
      if (unknown.has(name)) continue;
      const value = treeNumber(state, name, doing);
      for (const each of symbols) each.set(name, value);
    }
    return { key: binding.#keyAt(program, unknown), symbols, used };
  }

  /** What the numbers that were formed last choose; the same object for the same choice. */
  #keyAt(program: Program, unknown: ReadonlySet<string>): StepKey {
    const structurals = this.groups.map(({ structural }, i) => {
      const numbers = this.#symbols[i];
      if (this.#zeros[i].every((name) => numbers.get(name) === 0)) return structural;
      return new Map(
        [...structural].filter(([name, value]) => value !== ZERO || numbers.get(name) === 0),
      );
    });
    const guards = structurals.map((structural, i) =>
      guardsAt(guardsOf(program, structural), this.#symbols[i], unknown)
    );
    const known = this.#keys.find((known) =>
      known.program === program &&
      known.keys.every((key, i) =>
        isSameNames(key.structural, structurals[i]) && isSameList(key.guards, guards[i])
      )
    );
    if (known !== undefined) return known;
    const key = {
      binding: this,
      program,
      keys: structurals.map((structural, i) => ({ structural, guards: guards[i] })),
    };
    this.#keys.push(key);
    return key;
  }

  /**
   * Forms the numbers of each group: what is `written` in the state, else what the optimizer was made with,
   * a schedule's by the `clock` of its setting.
   */
  #numbersOf(
    written: Readonly<State["hyper"]>,
    clock: (name: string | undefined) => number,
    params: unknown,
    doing: string,
  ): { readonly binding: Binding; readonly used: Record<string, HyperNumbers> } {
    const used = this.#used;
    for (const { name, value: made, domain, clock: own, isScheduled, isMasked } of this.#numeric) {
      const isWritten = Object.hasOwn(written, name);
      // A number that follows no schedule needs no clock, which may not be at hand.
      const count = clock(isScheduled ? own : undefined);
      const value = isWritten
        ? written[name]!
        : isScheduled
        ? numbersAt(made, count)
        : made as HyperNumbers;
      if (!isWritten) used[name] = value;
      else delete used[name];
      const of = typeof value === "object" && value !== null
        ? this.#perGroup(name, value, doing)
        : undefined;
      for (let i = 0; i < this.groups.length; i++) {
        const given = of === undefined ? value : of[i];
        if (given === DIFFERENT) {
          const finer = this.#finerBy(name, value as HyperValue, params, doing);
          return finer.#numbersOf(written, clock, params, doing);
        }
        if (typeof given !== "number" || !isWithin(domain, given)) {
          requireWithin(domain, given, name, doing, ` at count ${count}`);
        }
        this.#symbols[i].set(name, isMasked[i] ? 0 : given);
      }
    }
    // What was written may differ where what was given did not.
    if (this.groups.length > 1) {
      requireOneOfTree(
        this.program,
        this.live,
        doing,
        (name) => this.#symbols.map((numbers) => ({ value: numbers.get(name) })),
      );
    }
    return { binding: this, used };
  }

  /** What a tree of numbers says of each group. */
  #perGroup(name: string, value: HyperNumbers, doing: string): unknown[] {
    const isNumber = (part: unknown) => typeof part === "number";
    const leaves = this.layout.prefix(value, `hyperparameter \`${name}\``, doing, isNumber);
    return this.groups.map((group) => {
      const [first, ...others] = group.leaves.map((leaf) => leaves[leaf].value);
      return others.every((each) => each === first) ? first : DIFFERENT;
    });
  }

  /** The binding with groups so fine that a tree of numbers is one number in each. */
  #finerBy(name: string, value: HyperValue, params: unknown, doing: string): Binding {
    const isNumber = (part: unknown) => typeof part === "number";
    const numbers = this.layout.prefix(value, `hyperparameter \`${name}\``, doing, isNumber)
      .map((leaf) => leaf.value);
    const parts = numbers.map((number) => numbers.indexOf(number));
    const known = this.#finer.find((each) => each.name === name && isSameList(each.parts, parts));
    if (known !== undefined) return known.binding;
    const tree = { ...this.#settings.get(name)!, value };
    const settings = new Map([...this.#settings, [name, tree]]);
    const binding = new Binding(this.program, settings, this.layout, params, doing, this);
    this.#finer.push({ name, parts, binding });
    return binding;
  }
}

const DIFFERENT = Symbol();

/** Whether two forms of a group have the same hyperparameters for good. */
function isSameNames(a: Structural, b: Structural): boolean {
  return a === b || (a.size === b.size && [...a.keys()].every((name) => b.has(name)));
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/**
 * Refuses hyperparameters that differ between leaves where a state is computed by them that is kept
 * once for the tree. `given` is what leaves have of one, and where.
 */
function requireOneOfTree(
  program: Program,
  live: ReadonlySet<string>,
  doing: string,
  given: (hyper: string) => readonly { readonly value: unknown; readonly position?: string }[],
): void {
  for (const [state, hypers] of readingOf(program).ofTree) {
    if (!live.has(state)) continue;
    for (const hyper of hypers) {
      const [first, ...others] = given(hyper);
      const other = others.find(({ value }) => value !== first.value);
      if (other === undefined) continue;
      const spell = ({ value, position }: typeof first) =>
        shown(value) + (position === undefined ? "" : ` at ${spellPath(position)}`);
      throw new GradusError(
        `${doing}: hyperparameter \`${hyper}\` must be one for all parameters, since state ` +
          `\`${state}\`, which is kept once for them, is computed by it: ` +
          `given ${spell(first)} and ${spell(other)}`,
      );
    }
  }
}

function shapeNumber(name: string, shape: readonly number[]): number {
  const [rows = 1, ...others] = shape;
  const columns = others.reduce((a, b) => a * b, 1);
  return { rank: shape.length, rows, columns, size: rows * columns }[name]!;
}

/**
 * The states that some of `variants` keeps. What is known for good takes with it all that never reaches
 * the update again; a 0 may be written over, so that what still moves is kept, and for every leaf.
 */
export function statesKept(program: Program, variants: readonly Structural[]): Set<string> {
  const kept = variants.map((structural) => remainingOf(program, structural).moving);
  return new Set([...program.state.keys()].filter((name) => kept.some((each) => each.has(name))));
}

/**
 * What is known of one leaf for good: truth values, which a mask makes false, hyperparameters that are
 * 0, and what its shape tells, `numbers`.
 */
export function structuralOf(
  settings: ReadonlyMap<string, LeafSetting>,
  numbers: ReadonlyMap<string, number> = new Map(),
): Structural {
  const structural = new Map<string, Node>();
  for (const [name, { value, isMasked }] of settings) {
    if (typeof value === "boolean") structural.set(name, constant(Number(value && !isMasked)));
    else if (isMasked || value === 0) structural.set(name, ZERO);
  }
  for (const [name, value] of numbers) structural.set(name, constant(value));
  return structural;
}

/** Refuses to evaluate what is divided by a hyperparameter that is 0 for good. */
export function requireDivisor(program: Program, structural: Structural, doing: string): void {
  const isZero = ({ op, arg }: Node) => op === "Const" && arg === 0;
  const divided = postorder([evaluated(program, structural)])
    .some(({ op, src }) => op === "Div" && isZero(src[1]));
  if (!divided) return;
  const zeros = [...symbolsIn([program.evaluate])].filter((name) => structural.get(name) === ZERO);
  if (zeros.length === 0) return;
  throw new GradusError(
    `${doing}: \`${sketchExpression(program.evaluate)}\` must not be divided by 0: given 0 for ` +
      zeros.map((name) => `\`${name}\``).join(" and "),
  );
}

/** Refuses what reads a state that a hyperparameter of 0 took with it when the optimizer was made. */
export function requireKept(
  program: Program,
  nodes: Iterable<{ readonly op: string; readonly arg: unknown }>,
  live: ReadonlySet<string>,
  doing: string,
): void {
  for (const { op, arg } of nodes) {
    if (op === "Symbol" && program.state.has(arg as string) && !live.has(arg as string)) {
      throw new GradusError(
        `${doing}: state \`${arg}\` was left out, since a hyperparameter that it needs was 0 when ` +
          `the optimizer was made: make it with another value, or with a schedule`,
      );
    }
  }
}

/** A program with values for its hyperparameters. */
export interface Configured {
  /** What a step computes. */
  readonly program: Program;
  /** The hyperparameters it was made with. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Types that states are stored in where they differ from the parameter's. */
  readonly storage: StateStorage;
}

/** The steps of a program by its own hyperparameters. */
export function ruleOf({ program, settings, storage }: Configured): Rule<StepForm> {
  return {
    program,
    storage,
    writable: [...settings].flatMap(([name, { value }]) =>
      typeof value === "boolean" ? [] : [name]
    ),
    bind: (layout, params, doing) => new Binding(program, settings, layout, params, doing),
  };
}
