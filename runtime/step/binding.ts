/**
 * Binds an optimizer to the structure of a tree. Leaves that are given the same hyperparameters and
 * types form a group, which is planned once.
 */
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Structural } from "../../dsl/graph.ts";
import { constant, type Node, ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { type LeafSetting, leafSettings, type Setting } from "../trees/hyperparameters.ts";
import { spellPath } from "../trees/leaf.ts";
import { hasMaster, MASTER } from "../trees/master.ts";
import { readingOf, remainingOf } from "../plan/readings.ts";
import { type Arithmetic, arithmeticOf, type DType } from "../trees/dtype.ts";
import type { Layout } from "../trees/layout.ts";

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

/** An optimizer on a tree of one structure. */
export class Binding {
  readonly layout: Layout;
  readonly groups: readonly Group[];
  /** The group of each leaf. */
  readonly groupOf: readonly Group[];
  /** The states that some leaf keeps. */
  readonly live: ReadonlySet<string>;
  /** Every tree that a state holds. */
  readonly trees: ReadonlySet<string>;

  constructor(
    program: Program,
    settings: ReadonlyMap<string, Setting>,
    layout: Layout,
    params: unknown,
    doing: string,
    coarser?: Binding,
  ) {
    this.layout = layout;
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
    this.trees = new Set([...this.live, ...(hasMaster(layout) ? [MASTER] : [])]);
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
  }
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Refuses hyperparameters that differ between leaves where a state is computed by them that is kept
 * once for the tree. `given` is what leaves have of one, and where.
 */
export function requireOneOfTree(
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

/** Whether a step of `program` reads the parameter. */
export function readsParameter(program: Program): boolean {
  return readingOf(program).parameter;
}
