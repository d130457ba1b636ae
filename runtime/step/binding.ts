/**
 * Binds a program with its hyperparameters to the structure of a tree, and forms the numbers of each step: by
 * group of leaves, and in float64.
 */
import { ANY_NUMBER, type Domain, isWithin, requireWithin } from "../../dsl/domain.ts";
import { evaluation, type Structural } from "../../dsl/graph.ts";
import { ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { guardsAt, guardsOf } from "../plan/forms.ts";
import {
  type HyperNumbers,
  type HyperValue,
  isScheduled,
  numbersAt,
  type Setting,
} from "../trees/hyperparameters.ts";
import type { Layout } from "../trees/layout.ts";
import { inputOf, type State, treeNumber } from "../trees/state.ts";
import type { Blank, Bound, Form, Present, StepNumbers } from "./device.ts";
import type { LateSchedule, StepForm, StepKey } from "./form.ts";
import { type Group, type Grouped, grouped, requireDivisor, requireOneOfTree } from "./groups.ts";
import { stateShape } from "./initial.ts";
import { PresentLeaves } from "./present.ts";

/** A setting that is a number at each step. */
interface Numeric {
  readonly name: string;
  readonly value: HyperValue;
  readonly domain: Domain;
  readonly clock: string | undefined;
  readonly isScheduled: boolean;
  /** By group, where a mask takes it from some. */
  readonly isMasked: readonly boolean[] | undefined;
}

/** What steps of some groups chose, which all optimizers have in common that have the groups. */
const keysChosen = new WeakMap<Grouped, StepKey[]>();
const MOST_KEYS = 64;

/** An optimizer on a tree of one structure. */
export class Binding implements Bound<StepForm>, Grouped {
  readonly layout: Layout;
  readonly groups: readonly Group[];
  readonly groupOf: readonly Group[];
  readonly views: Grouped["views"];
  readonly live: ReadonlySet<string>;
  readonly masked: Grouped["masked"];
  readonly program: Program;
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #numeric: readonly Numeric[];
  readonly #scalars: readonly string[];
  readonly #treeStates: readonly string[];
  readonly #symbols: readonly Map<string, number>[];
  /** What the last step used and was not written; the next step writes over it. */
  readonly #used: Record<string, HyperNumbers> = {};
  readonly #grouped: Grouped;
  /** What steps chose whose schedules follow this binding's own numbers. */
  #lateKeys: StepKey[] = [];
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
    made: Grouped = grouped(program, settings, layout, params, doing, coarser),
  ) {
    this.layout = layout;
    this.program = program;
    this.#settings = settings;
    this.#grouped = made;
    this.groups = made.groups;
    this.groupOf = made.groupOf;
    this.views = made.views;
    this.live = made.live;
    this.masked = made.masked;
    this.#numeric = numericIn(settings, program, made);
    this.#scalars = scalarsOf(program);
    this.#treeStates = treeStatesOf(program, made);
    this.#symbols = made.groups.map(() => new Map());
  }

  present(leaves: readonly number[]): Present<StepForm> {
    return new PresentLeaves(this, leaves);
  }

  livesIn(leaf: number): ReadonlySet<string> {
    return this.groupOf[leaf].live;
  }

  stateShape(state: string, leaf: number): readonly number[] {
    const [info, view] = [this.layout.leaves[leaf], this.views[leaf]];
    return stateShape(this.program, state, info, this.groupOf[leaf], view);
  }

  beginning(params: object, doing: string): {
    readonly used: Form["used"];
    of(state: string, leaf: number | undefined): Pick<Blank<never>, "init" | "seen" | "symbols">;
  } {
    const numbers = this.#numbersOf({}, () => 0, params, doing);
    const symbols = numbers.binding.#symbols.map((each) => new Map(each));
    const groupOf = (leaf: number) => numbers.binding.groups.indexOf(numbers.binding.groupOf[leaf]);
    return {
      used: { ...numbers.used },
      of: (state, leaf) => {
        const { init, over } = this.program.state.get(state)!;
        const view = leaf === undefined ? undefined : this.views[leaf];
        return {
          init,
          seen: view && { view, isLikeLeaf: over === "element" },
          symbols: symbols[leaf === undefined ? 0 : groupOf(leaf)],
        };
      },
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
    const clock = (name: string | undefined): number | undefined => {
      if (name === undefined) return Math.max(0, state.count - ago);
      return unknown.has(name) ? undefined : Math.max(0, treeNumber(state, name, doing) - ago);
    };
    const { binding, used, late } = this.#numbersOf(state.hyper, clock, params, doing);
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
    return { key: binding.#keyAt(program, unknown, late, doing), symbols, used };
  }

  /** What the numbers that were formed last choose; the same object for the same choice. */
  #keyAt(
    program: Program,
    unknown: ReadonlySet<string>,
    late: readonly string[],
    doing: string,
  ): StepKey {
    const isUnknown = late.length === 0 ? unknown : new Set([...unknown, ...late]);
    const structurals = this.groups.map(({ structural }, i) => {
      const numbers = this.#symbols[i];
      if (structural.size === 0 || areZeros(structural, numbers)) return structural;
      return new Map(
        [...structural].filter(([name, value]) => value !== ZERO || numbers.get(name) === 0),
      );
    });
    const guards = structurals.map((structural, i) =>
      guardsAt(guardsOf(program, structural), this.#symbols[i], isUnknown)
    );
    const isShared = late.length === 0;
    let chosen = isShared ? keysChosen.get(this.#grouped) : this.#lateKeys;
    const known = chosen?.find((known) =>
      known.program === program &&
      isSameList(known.late.map(({ name }) => name), late) &&
      known.keys.every((key, i) =>
        isSameNames(key.structural, structurals[i]) && isSameList(key.guards, guards[i])
      )
    );
    if (known !== undefined) return known;
    const key = {
      binding: this.#grouped,
      program,
      keys: structurals.map((structural, i) => ({ structural, guards: guards[i] })),
      late: this.#numeric.filter(({ name }) => late.includes(name))
        .map((each) => this.#lateBy(each, doing)),
    };
    if (chosen === undefined || chosen.length >= MOST_KEYS) chosen = [];
    chosen.push(key);
    if (isShared) keysChosen.set(this.#grouped, chosen);
    else this.#lateKeys = chosen;
    return key;
  }

  /** A schedule whose clock only the device knows. */
  #lateBy({ name, value, clock, domain, isMasked }: Numeric, doing: string): LateSchedule {
    const numbersOf = (count: number): readonly number[] => {
      const given = numbersAt(value, count);
      const of = typeof given === "object"
        ? this.#perGroup(name, given, doing)
        : this.groups.map(() => given);
      of.forEach((number) => requireWithin(domain, number, name, doing, ` at count ${count}`));
      return of.map((number, i) => isMasked?.[i] ? 0 : number as number);
    };
    return { name, clock: clock!, numbersAt: numbersOf };
  }

  /**
   * Forms the numbers of each group: what is `written` in the state, else what the optimizer was made with,
   * a schedule's by the `clock` of its setting. Those of schedules whose clock is not known come `late`.
   */
  #numbersOf(
    written: Readonly<State["hyper"]>,
    clock: (name: string | undefined) => number | undefined,
    params: unknown,
    doing: string,
  ): {
    readonly binding: Binding;
    readonly used: Record<string, HyperNumbers>;
    readonly late: readonly string[];
  } {
    // A schedule may step this optimizer too: all are asked before any number is noted.
    const values = this.#numeric.map(({ name, value, clock: own, isScheduled }) => {
      const isWritten = Object.hasOwn(written, name);
      // A number that follows no schedule needs no clock, which may not be at hand.
      const count = clock(isScheduled && !isWritten ? own : undefined);
      const given = isWritten
        ? written[name]!
        : isScheduled && count !== undefined
        ? numbersAt(value, count)
        : value as HyperNumbers;
      return { isWritten, count, given };
    });
    const used = this.#used;
    const late: string[] = [];
    for (let k = 0; k < values.length; k++) {
      const { name, domain, isMasked } = this.#numeric[k];
      const { isWritten, count, given: value } = values[k];
      if (count === undefined) {
        late.push(name);
        delete used[name];
        for (const each of this.#symbols) each.delete(name);
        continue;
      }
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
        this.#symbols[i].set(name, isMasked?.[i] ? 0 : given);
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
    return { binding: this, used, late };
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

/** The settings that are numbers at each step. */
function numericIn(
  settings: ReadonlyMap<string, Setting>,
  { domains }: Program,
  { masked }: Grouped,
): Numeric[] {
  const numeric: Numeric[] = [];
  settings.forEach(({ value: given, clock }, name) => {
    if (typeof given === "boolean") return;
    const isChanging = typeof given !== "number" && isScheduled(given);
    // A tree of numbers is copied: states show it, and what they show is frozen.
    const value = isChanging ? given : numbersAt(given, 0);
    const domain = domains.get(name) ?? ANY_NUMBER;
    const isMasked = masked.get(name);
    numeric.push({ name, value, domain, clock, isScheduled: isChanging, isMasked });
  });
  return numeric;
}

/** The inputs that are numbers. */
function scalarsOf({ inputs }: Program): readonly string[] {
  if (inputs.size === 0) return NO_NAMES;
  return [...inputs].flatMap(([name, kind]) => kind === "scalar" ? [name] : []);
}

const treeStates = new WeakMap<Grouped, readonly string[]>();

/** The states that are kept once for the tree. */
function treeStatesOf({ state }: Program, grouped: Grouped): readonly string[] {
  let known = treeStates.get(grouped);
  if (known === undefined) {
    known = [...grouped.live].filter((name) => state.get(name)!.over === "tree");
    treeStates.set(grouped, known);
  }
  return known;
}

/** Whether what was 0 for good when the optimizer was made is 0 now. */
function areZeros(structural: Structural, numbers: ReadonlyMap<string, number>): boolean {
  for (const [name, value] of structural) {
    if (value === ZERO && numbers.get(name) !== 0) return false;
  }
  return true;
}

const NO_NAMES: readonly string[] = [];

/** Whether two forms of a group have the same hyperparameters for good. */
function isSameNames(a: Structural, b: Structural): boolean {
  return a === b || (a.size === b.size && [...a.keys()].every((name) => b.has(name)));
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
