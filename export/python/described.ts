/** An optimizer as a framework is told it: its hyperparameters, its forms by shape, and what they compute when. */
import { ANY_NUMBER, type Domain } from "../../dsl/domain.ts";
import { GradusError } from "../../dsl/errors.ts";
import { globalIndex, type Graph } from "../../dsl/graph.ts";
import {
  constant,
  type Node,
  postorder,
  type ReduceOpName,
  symbol,
  symbolsIn,
  ZERO,
} from "../../dsl/node.ts";
import { substitute } from "../../dsl/simplify.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { statesOfData } from "../../runtime/plan/counts.ts";
import { sizeHypers } from "../../runtime/plan/sizes.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import type { Configured } from "../../runtime/step/binding.ts";
import { isAxes } from "../../dsl/axes.ts";
import { spellStored } from "../../runtime/trees/stored.ts";
import { type Choice, formsIn, formsOf } from "./forms.ts";
import { PythonNames } from "./names.ts";
import type { Spelling } from "./spelling.ts";

/** A hyperparameter that Python has. */
export interface Hyper {
  readonly name: string;
  /** What it is unless another is given: a number, or an expression of `count` or another clock. */
  readonly value: number | Node;
  readonly isRequired: boolean;
  readonly domain: Domain;
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
  for (const [name, { value, mask, clock }] of settings) {
    if (mask !== undefined || typeof value === "object") {
      const what = mask === undefined ? "is a tree of numbers" : "has a mask";
      throw new GradusError(
        `${doing}: hyperparameter \`${name}\` ${what}, and the parameters that it is of are not known in ` +
          `Python: give it per group of parameters there`,
      );
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
      const expression = substitute(
        [value.expression],
        (each) => each === "count" ? seen : undefined,
      )(
        value.expression,
      );
      hypers.push({ name, value: expression, isRequired: false, domain: ANY_NUMBER });
    } else {
      const domain = program.domains.get(name) ?? ANY_NUMBER;
      hypers.push({ name, value: value as number, isRequired, domain });
    }
  }
  for (const [name, stored] of storage) {
    if (stored === "float32") continue;
    throw new GradusError(
      `${doing}: every state must be stored as the parameter is: given ${
        spellStored(stored)
      } for \`${name}\``,
    );
  }
  const bind = (name: string): Node | undefined => {
    const value = taken.get(name);
    if (value === undefined) return undefined;
    return value === 0 ? ZERO : constant(Number(value));
  };
  const still = new Set(
    hypers.filter(({ value }) => typeof value === "number").map(({ name }) => name),
  );
  const choice = formsOf(program, bind, still, spelling, doing);
  const forms = formsIn(choice);
  const clocks = hypers.flatMap(({ value }) =>
    typeof value === "number" ? [] : [...symbolsIn([value])]
  );
  const kept = new Set(
    forms.flatMap(({ live }) => [...live]).concat(clocks.filter((name) => name !== "count")),
  );
  const isOfTree = (name: string) => program.state.get(name)!.over === "tree";
  const live = [...program.state.keys()].filter((name) => kept.has(name));
  const read = new Set(forms.flatMap(({ graph, live }) => globalsNeeded(graph, live)));
  const names = new PythonNames(spelling.reserved, spelling.rename);
  for (const { name } of hypers) names.of(name);
  return {
    ...{ program, spelling, names, hypers, taken, choice, doing },
    bound: (node) => substitute([node], bind)(node),
    levels: levelsOf(forms.map(({ graph }) => graph), read),
    states: live.filter((name) => !isOfTree(name)),
    treeStates: live.filter(isOfTree),
    ofData: statesOfData(program),
    inputs: new Map(
      [...program.inputs].filter(([name]) => forms.some((form) => reads(form.graph, name))),
    ),
    isOfShape: forms.length > 1 ||
      forms.some(({ graph, live }) => looksAtShape(program, graph, live)),
  };
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
