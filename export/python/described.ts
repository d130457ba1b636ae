/** An optimizer as a framework is told it: its hyperparameters, its forms by shape, and what they compute when. */
import { ANY_NUMBER, type Domain } from "../../dsl/domain.ts";
import { GradusError } from "../../dsl/errors.ts";
import { globalIndex, type Graph } from "../../dsl/graph.ts";
import {
  apply,
  constant,
  type Node,
  postorder,
  type ReduceOpName,
  symbol,
  symbolsIn,
  ZERO,
} from "../../dsl/node.ts";
import { substitute } from "../../dsl/simplify.ts";
import { lowerFor } from "../../dsl/lower.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { statesOfData } from "../../runtime/plan/counts.ts";
import { sizeHypers } from "../../runtime/plan/sizes.ts";
import { matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import type { Configured } from "../../runtime/step/rule.ts";
import { isAxes } from "../../dsl/axes.ts";
import type { StorageType } from "../../runtime/trees/dtype.ts";
import { leastExtentOf } from "../../runtime/trees/extent_mask.ts";
import { spellStored } from "../../runtime/trees/stored.ts";
import {
  type Choice,
  formsIn,
  formsOf,
  isForm,
  isShapeSymbol,
  type Masked,
  SECOND_EXTENT,
} from "./forms.ts";
import { PythonNames } from "./names.ts";
import { combinationsOf, type Rules, rulesOf } from "./rules.ts";
import { spellerOf, type Spelling } from "./spelling.ts";

/** A hyperparameter that Python has. */
export interface Hyper {
  readonly name: string;
  /**
   * What it is unless another is given: a number, an expression of `count` or another clock, or what each parameter
   * has by its name.
   */
  readonly value: number | Node | Rules;
  readonly isRequired: boolean;
  readonly domain: Domain;
}

/** Whether a value is a number for each parameter. */
export function isRules(value: Hyper["value"]): value is Rules {
  return typeof value === "object" && "entries" in value;
}

/** Whether a value is an expression. */
export function isSchedule(value: Hyper["value"]): value is Node {
  return typeof value === "object" && "op" in value;
}

/** What is told by name: masks, and numbers of hyperparameters. */
export function rulesByKey({ names, masks, hypers }: Described): Map<string, Rules> {
  return new Map([
    ...[...masks].map(([key, rules]) => [names.of(key), rules] as const),
    ...hypers.flatMap(({ name, value }) =>
      isRules(value) ? [[names.of(name), value] as const] : []
    ),
  ]);
}

/** A reduction over the tree. */
export interface Total {
  readonly k: number;
  readonly op: ReduceOpName;
}

/** What a frame is written around. */
export interface Described {
  readonly program: Program;
  readonly spelling: Spelling;
  readonly names: PythonNames;
  readonly hypers: readonly Hyper[];
  /** Hyperparameters that are taken in for good, with their values. */
  readonly taken: ReadonlyMap<string, number | boolean>;
  /** An expression with those. */
  readonly bound: (node: Node) => Node;
  /** What masks say of parameters by name; numbers for each stand with their hyperparameters. */
  readonly masks: ReadonlyMap<string, Rules>;
  /** How states are stored that are not as their parameters. */
  readonly storage: ReadonlyMap<string, StorageType>;
  /** Whether random numbers are drawn. */
  readonly isRandom: boolean;
  readonly choice: Choice;
  /** The reductions over the tree that are read, by what they wait for. */
  readonly levels: readonly (readonly Total[])[];
  /** States of parameters, and those that are one for the tree, which some form keeps. */
  readonly states: readonly string[];
  readonly treeStates: readonly string[];
  /** Those of the latter whose numbers rest on gradients. */
  readonly ofData: ReadonlySet<string>;
  readonly inputs: Program["inputs"];
  /** Whether it looks at the shape of a parameter, so that only those of one shape are computed together. */
  readonly isOfShape: boolean;
  readonly doing: string;
}

/** Tells of an optimizer what `spelling` needs, or refuses it by name. */
export function described(
  { program, settings, storage }: Configured,
  required: readonly string[],
  spelling: Spelling,
  doing: string,
): Described {
  const fixed = sizeHypers(program);
  const hypers: Hyper[] = [];
  const taken = new Map<string, number | boolean>();
  const masks = new Map<string, Rules>();
  const masked: Masked[] = [];
  const ofShape = new Map<string, Node>();
  for (const [name, setting] of settings) {
    const { value, mask, clock } = setting;
    const least = leastExtentOf(mask);
    if (least !== undefined && typeof value === "boolean") {
      ofShape.set(name, apply("GreaterOrEqual", symbol(SECOND_EXTENT), constant(least)));
      continue;
    }
    const rules = rulesOf(name, setting, doing);
    const isNamed = rules.mask !== undefined || rules.numbers !== undefined;
    if (isNamed && !spelling.knowsNames) {
      throw new GradusError(
        `${doing}: hyperparameter \`${name}\` ${
          rules.mask === undefined ? "is a tree of numbers" : "has a mask"
        }, and the parameters that it is of are not known in ${spelling.name}`,
      );
    }
    if (rules.mask !== undefined) {
      const isTruth = typeof value === "boolean";
      const key = isTruth ? name : `${name} mask`;
      const held = isTruth ? constant(0) : ZERO;
      masks.set(key, rules.mask);
      masked.push({
        key,
        bind: (isTrue) => isTrue ? isTruth ? [name, constant(1)] : undefined : [name, held],
      });
      if (isTruth) continue;
    }
    const isRequired = required.includes(name);
    if (typeof value === "boolean" || value === 0 && !isRequired || fixed.has(name)) {
      taken.set(name, value as number | boolean);
    } else if (typeof value === "function") {
      if (value.expression === undefined) {
        throw new GradusError(
          `${doing}: hyperparameter \`${name}\` must be a number or a schedule with an expression, such as ` +
            `\`schedule("0.1/sqrt(t)")\`: given a function`,
        );
      }
      const seen = symbol(clock ?? "count");
      const change = (each: string) => each === "count" ? seen : undefined;
      const expression = substitute([value.expression], change)(value.expression);
      const lowered = lowerFor([expression], spellerOf(spelling))(expression);
      hypers.push({ name, value: lowered, isRequired: false, domain: ANY_NUMBER });
    } else {
      const domain = program.domains.get(name) ?? ANY_NUMBER;
      const own = rules.numbers ?? value as number;
      hypers.push({ name, value: own, isRequired, domain });
    }
  }
  const bind = (name: string): Node | undefined => {
    const value = taken.get(name);
    if (value === undefined) return ofShape.get(name);
    return value === 0 ? ZERO : constant(Number(value));
  };
  const still = new Set(
    hypers.filter(({ value }) => !isSchedule(value)).map(({ name }) => name),
  );
  const combinations = combinationsOf(masks).map((each) =>
    new Map([...each].map(([key, value]) => [key, value !== false]))
  );
  const choice = formsOf(program, bind, still, masked, combinations, spelling, doing);
  const forms = formsIn(choice);
  const clocks = hypers.flatMap(({ value }) => isSchedule(value) ? [...symbolsIn([value])] : []);
  const kept = new Set(
    forms.flatMap(({ live }) => [...live]).concat(clocks.filter((name) => name !== "count")),
  );
  const isOfTree = (name: string) => program.state.get(name)!.over === "tree";
  const live = [...program.state.keys()].filter((name) => kept.has(name));
  const read = new Set(forms.flatMap(({ graph, live }) => globalsNeeded(graph, live)));
  const rename = (name: string) => spelling.rename(name).replaceAll(" ", "_");
  const names = new PythonNames(spelling.reserved, rename);
  for (const { name } of hypers) names.of(name);
  return {
    ...{ program, spelling, names, hypers, taken, choice, masks, doing },
    bound: (node) => substitute([node], bind)(node),
    levels: levelsOf(forms.map(({ graph }) => graph), read),
    states: live.filter((name) => !isOfTree(name)),
    storage: storedBy(spelling, storage, live, doing),
    isRandom: forms.some(({ graph }) =>
      postorder(rootsIn(graph)).some(({ op }) => randomRow(op) !== undefined)
    ),
    treeStates: live.filter(isOfTree),
    ofData: statesOfData(program),
    inputs: new Map(
      [...program.inputs].filter(([name]) => forms.some((form) => reads(form.graph, name))),
    ),
    isOfShape: isChosenByShape(choice) ||
      forms.some(({ graph, live }) => looksAtShape(program, graph, live)),
  };
}

/** The types of the states that are stored otherwise than their parameters. */
function storedBy(
  { name: framework, stores }: Spelling,
  storage: Configured["storage"],
  live: readonly string[],
  doing: string,
): Map<string, StorageType> {
  const types = new Map<string, StorageType>();
  for (const [name, stored] of storage) {
    if (!live.includes(name) || stored === "float32") continue;
    if (typeof stored !== "string" || !stores.includes(stored)) {
      const known = stores.length === 0
        ? "as its parameter is"
        : `as ${stores.join(" or ")}, to nearest`;
      throw new GradusError(
        `${doing}: in ${framework} a state must be stored ${known}: given ${
          spellStored(stored)
        } for \`${name}\``,
      );
    }
    types.set(name, stored);
  }
  return types;
}

function rootsIn({ update, states, globals }: Graph): Node[] {
  return [update, ...states.values(), ...globals.map(({ node }) => node)];
}

function reads(graph: Graph, name: string): boolean {
  return symbolsIn(rootsIn(graph)).has(name);
}

/** The reductions over the tree that the update or a state that is kept comes to read. */
function globalsNeeded(graph: Graph, live: ReadonlySet<string>): number[] {
  const found = new Set<number>();
  const roots = [graph.update, ...[...live].map((name) => graph.states.get(name)!)];
  for (let root = roots.pop(); root !== undefined; root = roots.pop()) {
    for (const name of symbolsIn([root])) {
      const k = globalIndex(name);
      if (k === undefined || found.has(k)) continue;
      found.add(k);
      roots.push(graph.globals[k].node);
    }
  }
  return [...found];
}

/** Reductions over the tree by how many of them each waits for. */
function levelsOf(graphs: readonly Graph[], read: ReadonlySet<number>): Total[][] {
  const level: number[] = [];
  const levels: Total[][] = [];
  graphs[0].globals.forEach(({ op }, k) => {
    const below = graphs.flatMap(({ globals }) =>
      [...symbolsIn([globals[k].node])].flatMap((name) => globalIndex(name) ?? [])
    );
    level[k] = Math.max(0, ...below.map((each) => level[each] + 1));
    if (read.has(k)) (levels[level[k]] ??= []).push({ k, op });
  });
  return Array.from(levels, (each) => each ?? []);
}

function isChosenByShape(choice: Choice): boolean {
  if (isForm(choice)) return false;
  return [...symbolsIn([choice.condition])].some(isShapeSymbol) ||
    isChosenByShape(choice.then) || isChosenByShape(choice.else);
}

function looksAtShape(program: Program, graph: Graph, live: ReadonlySet<string>): boolean {
  if ([...live].some((name) => !["element", "tree"].includes(program.state.get(name)!.over))) {
    return true;
  }
  return postorder(rootsIn(graph)).some(({ op, arg }) =>
    op === "Index" || matrixRow(op) !== undefined ||
    op === "Symbol" && SHAPE_SYMBOLS.has(arg as string) ||
    reduceRow(op) !== undefined && isAxes(arg as string)
  );
}
