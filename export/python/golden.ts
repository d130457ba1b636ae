/** Numbers that a generated file checks itself with: a few steps by Gradus on two small parameters. */
import { GradusError } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";

/** Steps and what they lead to. */
export interface Golden {
  readonly steps: number;
  readonly shapes: readonly (readonly number[])[];
  /** By parameter, its numbers in the end. */
  readonly after: readonly (readonly number[])[];
}

const STEPS = 5;

/** The number at a place of a leaf: of the parameter before the first step, or of the gradient of a step. */
export function sample(leaf: number, place: number, step: number): number {
  return ((place * 37 + step * 29 + leaf * 11 + place * step * 7) % 64 - 31.5) / 32;
}

/** Numbers for an optimizer; of parameters that it can step. */
export function goldenOf(opt: Optimizer): Golden {
  try {
    return stepped(opt, [[3, 4], [5]]);
  } catch (error) {
    // Some take matrices alone.
    if (!(error instanceof GradusError)) throw error;
    return stepped(opt, [[3, 4], [4, 3]]);
  }
}

function stepped(opt: Optimizer, shapes: readonly (readonly number[])[]): Golden {
  const filled = (step: number, of = (x: number) => x) =>
    shapes.map((shape, leaf) => ({
      data: Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        (_, place) => of(sample(leaf, place, step)),
      ),
      shape,
    }));
  const params = filled(0);
  const state = opt.init(params);
  for (let step = 1; step <= STEPS; step++) {
    const inputs = Object.fromEntries(
      [...opt.program.inputs].map((
        [name, kind],
      ) => [name, kind === "scalar" ? 1 / step : filled(step, Math.abs)]),
    );
    opt.step(params, filled(step), state, inputs);
  }
  return { steps: STEPS, shapes, after: params.map(({ data }) => [...data]) };
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
