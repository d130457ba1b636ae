/** Numbers that a generated file checks itself with: a few steps by Gradus on two small parameters. */
import { GradusError } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { type Rules, treeFor } from "./rules.ts";

/** Steps and what they lead to. */
export interface Golden {
  readonly steps: number;
  readonly shapes: readonly (readonly number[])[];
  /** The names of the parameters: the keys to each, joined by \`.\`. */
  readonly names: readonly string[];
  /** The tree of the parameters, a leaf being its number. */
  readonly tree: unknown;
  /** By parameter, its numbers in the end. */
  readonly after: readonly (readonly number[])[];
}

const STEPS = 5;

/** The number at a place of a leaf: of the parameter before the first step, or of the gradient of a step. */
export function sample(leaf: number, place: number, step: number): number {
  return ((place * 37 + step * 29 + leaf * 11 + place * step * 7) % 64 - 31.5) / 32;
}

/** Numbers for an optimizer; of parameters that it can step, and that have what its masks name. */
export function goldenOf(opt: Optimizer, rules: readonly Rules[] = []): Golden {
  const isSeen = rules.some(({ entries }) =>
    entries.some(([, value]) => typeof value === "string")
  );
  try {
    return stepped(opt, rules, isSeen ? [[3, 4], [2, 3, 4], [5]] : [[3, 4], [5]]);
  } catch (error) {
    // Some take matrices alone.
    if (!(error instanceof GradusError)) throw error;
    return stepped(opt, rules, [[3, 4], [4, 3]]);
  }
}

/** A parameter to be. */
class Leaf {
  constructor(readonly name: string, readonly shape: readonly number[]) {}
}

function leavesIn(tree: unknown): Leaf[] {
  if (tree instanceof Leaf) return [tree];
  const keys = Array.isArray(tree) ? [...tree.keys()] : Object.keys(tree as object).sort();
  return keys.flatMap((key) => leavesIn((tree as Record<string, unknown>)[key]));
}

function mapTree(tree: unknown, change: (leaf: Leaf) => unknown): unknown {
  if (tree instanceof Leaf) return change(tree);
  if (Array.isArray(tree)) return tree.map((each) => mapTree(each, change));
  return Object.fromEntries(
    Object.entries(tree as object).map(([key, each]) => [key, mapTree(each, change)]),
  );
}

function stepped(
  opt: Optimizer,
  rules: readonly Rules[],
  shapes: readonly (readonly number[])[],
): Golden {
  let made = 0;
  const named = treeFor(rules, (name) => new Leaf(name, shapes[made++ % shapes.length]));
  // Rules for all of a tree name no leaf.
  const tree = named instanceof Leaf ? shapes.map((shape, k) => new Leaf(String(k), shape)) : named;
  const leaves = leavesIn(tree);
  const filled = (step: number, of = (x: number) => x) => {
    const arrays = leaves.map(({ shape }, leaf) =>
      Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        (_, place) => of(sample(leaf, place, step)),
      )
    );
    const tensor = (leaf: Leaf) => ({ data: arrays[leaves.indexOf(leaf)], shape: leaf.shape });
    return { arrays, tree: mapTree(tree, tensor) as never };
  };
  const params = filled(0);
  const state = opt.init(params.tree);
  for (let step = 1; step <= STEPS; step++) {
    const inputs = Object.fromEntries(
      [...opt.program.inputs].map((
        [name, kind],
      ) => [name, kind === "scalar" ? 1 / step : filled(step, Math.abs).tree]),
    );
    opt.step(params.tree, filled(step).tree, state, inputs);
  }
  return {
    steps: STEPS,
    shapes: leaves.map(({ shape }) => shape),
    names: leaves.map(({ name }) => name),
    tree: mapTree(tree, (leaf) => leaves.indexOf(leaf)),
    after: params.arrays.map((data) => [...data]),
  };
}

/** Python of the samples, and of the numbers that they lead to. */
export function goldenText({ shapes, after }: Golden): string {
  const shown = (x: number) =>
    Number.isFinite(x)
      ? String(Number(x.toPrecision(9)))
      : `float("${String(x).replace("Infinity", "inf")}")`;
  const rows = after.map((numbers) => `    [${numbers.map(shown).join(", ")}],`);
  return `_SHAPES = [${shapes.map((shape) => `(${shape.join(", ")},)`).join(", ")}]
_AFTER = [
${rows.join("\n")}
]


def _sample(leaf, place, step):
    return ((place * 37 + step * 29 + leaf * 11 + place * step * 7) % 64 - 31.5) / 32


def _filled(step, of=float):
    sizes = [math.prod(shape) for shape in _SHAPES]
    return [[of(_sample(leaf, k, step)) for k in range(size)] for leaf, size in enumerate(sizes)]


def _compare(made):
    """Fails unless the numbers are those that Gradus made, to 1e-5 of the largest of a parameter."""
    for own, expected in zip(made, _AFTER):
        largest = max(1e-30, *map(abs, expected))
        for a, b in zip(own, expected):
            assert a == b or abs(a - b) <= 1e-5 * largest or (a != a and b != b), (own, expected)`;
}
