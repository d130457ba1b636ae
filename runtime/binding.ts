/**
 * Binds an optimizer to the structure of a tree. Leaves that are given the same hyperparameters and
 * types form a group, which is planned once.
 */
import {
  elaborate,
  type Graph,
  rootsOf,
  specialise,
  statesLeft,
  type Structural,
} from "../dsl/graph.ts";
import { postorder, symbol } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import { type LeafSetting, leafSettings, type Setting } from "./hyper.ts";
import { usesAxes } from "./plan.ts";
import type { Layout } from "./trees.ts";

/** Leaves that are computed alike. */
export interface Group {
  readonly leaves: readonly number[];
  readonly dtype: "float32" | "float64";
  /** The leaves' rank where the program looks at axes, else 0. */
  readonly rank: number;
  readonly settings: ReadonlyMap<string, LeafSetting>;
  readonly structural: Structural;
}

/** An optimizer on a tree of one structure. */
export class Binding {
  readonly layout: Layout;
  readonly groups: readonly Group[];
  /** The group of each leaf. */
  readonly groupOf: readonly Group[];
  /**
   * The states that are kept. One whose every reader is structurally absent, such as the momentum
   * of a descent without any, is not.
   */
  readonly live: ReadonlySet<string>;

  constructor(
    program: Program,
    settings: ReadonlyMap<string, Setting>,
    layout: Layout,
    params: unknown,
    doing: string,
    coarser?: Binding,
  ) {
    this.layout = layout;
    const graph = elaborate(program);
    const isRanked = usesAxes(program, graph);
    const perLeaf = new Map(
      [...settings].map(([name, setting]) => [
        name,
        leafSettings(name, setting, layout, params, doing),
      ]),
    );
    const groups = new Map<string, Group & { readonly leaves: number[] }>();
    this.groupOf = layout.leaves.map(({ dtype, shape }, i) => {
      const rank = isRanked ? shape.length : 0;
      const given = new Map([...perLeaf].map(([name, leaves]) => [name, leaves[i]]));
      const marks = [...given.values()].map((setting) => [setting.part, setting.isMasked]);
      // Groups are only ever split further: what is structural stays so as it was made.
      const within = coarser?.groupOf[i];
      const structural = within?.structural ?? structuralOf(given);
      const key = JSON.stringify([dtype, rank, marks, coarser?.groups.indexOf(within!)]);
      const group = groups.get(key) ??
        { leaves: [], dtype, rank, settings: given, structural };
      groups.set(key, group);
      group.leaves.push(i);
      return group;
    });
    this.groups = [...groups.values()];
    this.live = statesKept(program, this.groups.map(({ structural }) => structural));
  }
}

/** The states that remain when `variants` of a program are structurally what they are. */
export function statesKept(program: Program, variants: readonly Structural[]): Set<string> {
  const kept = variants.map((structural) => statesKeptBy(program, structural));
  return new Set(
    [...program.state.keys()].filter((name) => kept.some((names) => names.has(name))),
  );
}

/**
 * The states that remain under `structural`. A truth value holds for good, and takes with it all that
 * never reaches the update again; a 0 may be written over, so that what still moves is kept.
 */
function statesKeptBy(program: Program, structural: Structural): Set<string> {
  const graph = elaborate(program);
  const truths = new Map([...structural].filter(([, value]) => value !== 0));
  const left = statesLeft(program, specialise(graph, truths));
  const ever = statesMentioned(program, graph);
  const mentioned = statesMentioned(program, specialise(graph, structural));
  return new Set([...left].filter((name) => mentioned.has(name) || !ever.has(name)));
}

function statesMentioned(program: Program, graph: Graph): Set<string> {
  const names = postorder(rootsOf(graph)).filter(({ op }) => op === "Symbol").map(({ arg }) => arg);
  return new Set([...program.state.keys()].filter((name) => names.includes(name)));
}

/** What is structurally known of one leaf's hyperparameters: truth values, and those that are 0. */
export function structuralOf(settings: ReadonlyMap<string, LeafSetting>): Structural {
  const structural = new Map<string, 0 | boolean>();
  for (const [name, { value, isMasked }] of settings) {
    if (typeof value === "boolean") structural.set(name, value);
    else if (isMasked || value === 0) structural.set(name, 0);
  }
  return structural;
}

/** Whether a step of `program` reads the parameter. */
export function readsParameter(program: Program): boolean {
  return postorder(rootsOf(elaborate(program))).includes(symbol("w"));
}
