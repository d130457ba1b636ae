/** Which leaves are seen as matrices: those where what says so decides something, and nothing else sees their shape. */
import { GradusError } from "../../dsl/errors.ts";
import { elaborate, evaluated, globalsRead, specialise, type Structural } from "../../dsl/graph.ts";
import { constant, type Node, postorder, symbol } from "../../dsl/node.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { readingOf, remainingOf } from "../plan/readings.ts";
import { type LeafSetting, saysMatrices } from "../trees/hyperparameters.ts";
import type { Layout } from "../trees/layout.ts";
import { type LeafInfo, spellPath } from "../trees/leaf.ts";
import { type MatrixView, showView } from "../trees/view.ts";
import { shapeNumbers, structuralOf } from "./structural.ts";

/**
 * The matrices that a leaf is seen as, if one of its settings says so and decides something of it: where a mask
 * leaves the optimizer out that would see matrices, the leaf is as it is.
 *
 * @throws {GradusError} if two settings see it in two ways, or what else the leaf goes through depends on its
 * shape: that would be another for each matrix.
 */
export function leafView(
  program: Program,
  { path, shape }: LeafInfo,
  settings: ReadonlyMap<string, LeafSetting>,
  clocks: readonly string[],
  doing: string,
): MatrixView | undefined {
  let seen: { readonly name: string; readonly view: MatrixView } | undefined;
  for (const [name, { view }] of settings) {
    if (view === undefined) continue;
    const structural = structuralOf(settings, shapeNumbers(readingOf(program).shape, view.shape));
    const open = new Map([...structural].filter(([each]) => each !== name));
    if (!postorder(rootsLeft(program, open, clocks)).includes(symbol(name))) continue;
    const where = `${doing}: the parameter at ${spellPath(path)}, seen as ${
      showView(view)
    } by \`${name}\`,`;
    if (seen !== undefined) {
      throw new GradusError(`${where} must be seen in one way: given another by \`${seen.name}\``);
    }
    const own = structuralOf(settings, shapeNumbers([], shape));
    const other = shapeSeen(program, new Map([...own, [name, constant(0)]]), clocks, view);
    if (other !== undefined) {
      throw new GradusError(
        `${where} must go through nothing else that depends on its shape: given ` +
          `\`${sketchExpression(other)}\``,
      );
    }
    if (shapeSeen(program, open, clocks) === undefined) {
      throw new GradusError(
        `${where} must be one whose shape it decides on: given one it does not`,
      );
    }
    seen = { name, view };
  }
  return seen?.view;
}

/** What remains of a step where some of it is known for good. */
function rootsLeft(program: Program, structural: Structural, clocks: readonly string[]): Node[] {
  const graph = specialise(elaborate(program), structural);
  const { moving } = remainingOf(program, structural, clocks);
  const states = new Map([...graph.states].filter(([name]) => moving.has(name)));
  const globals = [...globalsRead({ ...graph, states })].map((k) => graph.globals[k].node);
  return [graph.update, evaluated(program, structural), ...states.values(), ...globals];
}

/**
 * Something that depends on the shape of a leaf, if anything does. One matrix that is all of the leaf has the
 * same sums.
 */
function shapeSeen(
  program: Program,
  structural: Structural,
  clocks: readonly string[],
  { count }: Pick<MatrixView, "count"> = { count: 2 },
): Node | undefined {
  const isOver = (over: string) =>
    !["element", "tree", ...(count === 1 ? ["tensor"] : [])].includes(over);
  return postorder(rootsLeft(program, structural, clocks)).find(({ op, arg }) => {
    if (op === "Symbol") {
      const over = program.state.get(arg as string)?.over;
      return SHAPE_SYMBOLS.has(arg as string) || over !== undefined && isOver(over);
    }
    return op === "Index" || matrixRow(op) !== undefined ||
      reduceRow(op) !== undefined && isOver(arg as string);
  });
}

/** Whether a step of leaves, of which this is known, has operations on matrices. */
export function hasMatrices(program: Program, structural: Structural): boolean {
  return postorder(rootsLeft(program, structural, [])).some(({ op }) =>
    matrixRow(op) !== undefined
  );
}

/**
 * The setting by which a leaf of more than two axes could be seen as matrices, where it has none, those of two
 * axes have, and no mask says that it is to.
 */
export function unseenBy(
  program: Program,
  { shape }: LeafInfo,
  settings: ReadonlyMap<string, LeafSetting>,
): string | undefined {
  const { shape: names } = readingOf(program);
  const isMatrix = (of: readonly number[], off?: string) => {
    const structural = structuralOf(settings, shapeNumbers(names, of));
    if (off !== undefined) structural.set(off, constant(0));
    return hasMatrices(program, structural);
  };
  if (shape.length <= 2 || isMatrix(shape) || !isMatrix(shape.slice(-2))) return undefined;
  return [...settings.keys()].find((name) =>
    saysMatrices(name) && !isMatrix(shape.slice(-2), name)
  );
}

/** Refuses leaves that are seen as matrices, of which `place` has no arrays. */
export function requireWholeLeaves(
  { layout, views }: {
    readonly layout: Pick<Layout, "leaves">;
    readonly views: readonly (MatrixView | undefined)[];
  },
  place: string,
  doing: string,
): void {
  views.forEach((view, i) => {
    if (view === undefined) return;
    throw new GradusError(
      `${doing}: in ${place} a parameter must be computed as it is: ` +
        `given ${spellPath(layout.leaves[i].path)}, seen as ${showView(view)}`,
    );
  });
}
