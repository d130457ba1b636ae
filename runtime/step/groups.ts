/**
 * Groups of leaves that are computed alike: those that are given the same hyperparameters and types. A group
 * is planned once.
 */
import { GradusError, shown } from "../../dsl/errors.ts";
import { evaluated, type Structural } from "../../dsl/graph.ts";
import { type Node, postorder, symbolsIn, ZERO } from "../../dsl/node.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { readingOf, remainingOf } from "../plan/readings.ts";
import { sizeHypers, sizesOf, type StateSizes } from "../plan/sizes.ts";
import { type Arithmetic, arithmeticOf, type DType } from "../trees/dtype.ts";
import { type LeafSetting, leafSettings, type Setting } from "../trees/hyperparameters.ts";
import type { Layout } from "../trees/layout.ts";
import { spellPath } from "../trees/leaf.ts";
import type { MatrixView } from "../trees/view.ts";
import type { Leaves } from "./device.ts";
import { shapeNumbers, structuralOf } from "./structural.ts";
import { leafView } from "./views.ts";

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
  /** The sizes of those of them that have a shape of their own. */
  readonly sizes: StateSizes;
}

/** The leaves of a tree in groups. */
export interface Grouped {
  readonly layout: Leaves["layout"];
  readonly groups: readonly Group[];
  /** The group of each leaf. */
  readonly groupOf: readonly Group[];
  /** The matrices that each leaf is seen as, if any: what its group is planned for is one of them. */
  readonly views: readonly (MatrixView | undefined)[];
  /** The states that some leaf keeps. */
  readonly live: ReadonlySet<string>;
  /** Of each hyperparameter that a mask takes from some group, by group whether it does. */
  readonly masked: ReadonlyMap<string, readonly boolean[]>;
}

const NONE: ReadonlySet<string> = new Set();

/** What each leaf is given for each hyperparameter. */
export type Given = ReadonlyMap<string, readonly LeafSetting[]>;

/**
 * The leaves of `layout` in groups by what `settings` give them. Those of `coarser` groups are only ever
 * split further: what is structural stays so as it was made.
 */
export function grouped(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  layout: Layout,
  params: unknown,
  doing: string,
  coarser?: Grouped,
): Grouped {
  const given = new Map(
    [...settings].map(([name, setting]) => [
      name,
      leafSettings(name, setting, layout, params, doing),
    ]),
  );
  const made = groupedBy(program, given, clocksIn(settings), layout, doing, coarser);
  requireOneGiven(program, made.live, given, doing);
  return made;
}

/** As {@linkcode grouped}, by what each leaf is `given`. */
export function groupedBy(
  program: Program,
  given: Given,
  clocks: readonly string[],
  { leaves, hasShort }: Grouped["layout"],
  doing: string,
  coarser?: Grouped,
): Grouped {
  const reading = readingOf(program);
  const made = new Map<
    string,
    Group & { readonly leaves: number[]; live: Group["live"]; sizes: StateSizes }
  >();
  const fixed = sizeHypers(program);
  const givenTo = leaves.map((_, i) =>
    new Map([...given].map(([name, settings]) => [name, settings[i]]))
  );
  const views = coarser?.views ??
    leaves.map((info, i) => leafView(program, info, givenTo[i], clocks, doing));
  const groupOf = leaves.map(({ dtype: stored, shape: whole }, i) => {
    const shape = views[i]?.shape ?? whole;
    const axes = reading.axes(shape);
    const numbers = shapeNumbers(reading.shape, shape);
    const settings = givenTo[i];
    const marks = [...settings.values()].map((setting) => [setting.part, setting.isMasked]);
    const within = coarser?.groupOf[i];
    const key = JSON.stringify([
      ...[stored, axes, marks, coarser?.groups.indexOf(within!)],
      ...numbers.values(),
    ]);
    let group = made.get(key);
    if (group === undefined) {
      const structural = within?.structural ?? structuralOf(settings, numbers, fixed);
      const dtype = arithmeticOf(stored);
      group = {
        ...{ leaves: [], stored, dtype, axes, settings, structural, live: NONE },
        sizes: new Map(),
      };
      made.set(key, group);
    }
    group.leaves.push(i);
    return group;
  });
  const groups = [...made.values()];
  const live = coarser?.live ??
    statesKept(program, groups.map(({ structural }) => structural), clocks);
  for (const group of groups) {
    const { lasting } = remainingOf(program, group.structural, clocks);
    // A state with a shape of its own is beside matrices only.
    const hasShape = (name: string) =>
      program.state.get(name)!.sizes === undefined || group.axes.length === 2;
    group.live = new Set([...live].filter((name) => lasting.has(name) && hasShape(name)));
    group.sizes = new Map(
      [...group.live].filter((name) => program.state.get(name)!.sizes !== undefined)
        .map((name) => [name, sizesOf(program, name, group.structural)]),
    );
  }
  const masked = new Map(
    [...given.keys()].map((name) =>
      [name, groups.map(({ settings }) => settings.get(name)!.isMasked)] as const
    ).filter(([, each]) => each.includes(true)),
  );
  return { layout: { leaves, hasShort }, groups, groupOf, views, live, masked };
}

/** As {@linkcode requireOneOfTree}, of what leaves are given. */
export function requireOneGiven(
  program: Program,
  live: ReadonlySet<string>,
  given: Given,
  doing: string,
): void {
  requireOneOfTree(
    program,
    live,
    doing,
    (name) =>
      given.get(name)?.map(({ value, position, isMasked }) => ({
        value: isMasked ? 0 : value,
        position,
      })) ?? [],
  );
}

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

/** The states whose numbers schedules follow, or would if there were any. */
export function clocksIn(settings: ReadonlyMap<string, Setting>): string[] {
  return [...new Set([...settings.values()].flatMap(({ clock }) => clock ?? []))];
}

/**
 * The states that some of `variants` keeps. What is known for good takes with it all that never reaches
 * the update again; a 0 may be written over, so that what still moves is kept, and for every leaf.
 */
export function statesKept(
  program: Program,
  variants: readonly Structural[],
  clocks: readonly string[],
): Set<string> {
  const kept = variants.map((structural) => remainingOf(program, structural, clocks).moving);
  return new Set([...program.state.keys()].filter((name) => kept.some((each) => each.has(name))));
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
