/** Runs programs on made-up gradients, in float64, where rounding hides nothing. */
import { GradusError } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { factory } from "../../runtime/define.ts";
import type { State } from "../../runtime/trees/state.ts";
import { normals } from "./gradient_streams.ts";

/** What a program is run with. */
export interface Probe {
  /** The gradients of each step, the elements of all tensors in turn. */
  readonly gradients: readonly ArrayLike<number>[];
  /** The parameters before the first step. */
  readonly params: ArrayLike<number>;
  /** The shapes of the tensors. */
  readonly shapes: readonly (readonly number[])[];
  /** Values of hyperparameters; others have their default, or what {@linkcode guessed} says. */
  readonly hyper?: Readonly<Record<string, number | boolean>>;
  /** Gradients that depend on the parameters, in place of those given. */
  gradientAt?(params: Float64Array, step: number): ArrayLike<number>;
  /** Whether the parameters stay where they are. Default false. */
  readonly isFrozen?: boolean;
  /** A run of the same program that this one goes on from. */
  readonly after?: Run;
}

/** What came of it. */
export interface Run {
  /** The update of each step, elements of all tensors in turn. */
  readonly updates: Float64Array[];
  /** The parameters after the last step. */
  readonly params: Float64Array;
  /** Each state after each step, likewise; a state of a tensor or the tree has fewer numbers. */
  readonly states: ReadonlyMap<string, Float64Array>[];
  /** All that is carried on from the last step. */
  readonly end: State;
}

/** Values of required hyperparameters where nobody says otherwise. */
export function guessed(program: Program): Record<string, number | boolean> {
  const values: Record<string, number | boolean> = {};
  for (const [name, value] of program.hyper) {
    if (value === "required") values[name] = name === "learningRate" ? 0.01 : 0.5;
  }
  return values;
}

/** Runs a program. */
export function run(program: Program, probe: Probe): Run {
  const { gradients, shapes, hyper = {}, isFrozen = false, after } = probe;
  const own = Object.fromEntries(Object.entries(hyper).filter(([name]) => program.hyper.has(name)));
  const opt = factory(program)({ ...guessed(program), ...own }).with({ backend: "js" });
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const tree = (flat: ArrayLike<number>) => {
    let at = 0;
    return shapes.map((shape, i) => {
      const data = Float64Array.from({ length: sizes[i] }, (_, j) => flat[at + j]);
      at += sizes[i];
      return { data, shape: [...shape] };
    });
  };
  const total = sizes.reduce((a, b) => a + b, 0);
  if (probe.params.length !== total || gradients.some(({ length }) => length !== total)) {
    throw new GradusError(
      `Cannot probe "${program.name}": parameters and gradients must have ${total} elements`,
    );
  }
  const params = tree(probe.params);
  const [made, states]: [Float64Array[], Run["states"]] = [[], []];
  let state = after?.end ?? opt.init(params);
  gradients.forEach((gradient) => {
    const step = state.count;
    const inputs = inputsOf(program, step, total, tree);
    const given = probe.gradientAt?.(flatten(params), step) ?? gradient;
    const [updates, next] = opt.update(tree(given), state, params, inputs);
    state = next;
    made.push(flatten(updates));
    if (!isFrozen) {
      // An update that is no number moves nothing, so that later ones can still be told apart.
      params.forEach(({ data }, i) =>
        updates[i].data.forEach((x, j) => data[j] += Number.isNaN(x) ? 0 : x)
      );
    }
    states.push(statesOf(program, state));
  });
  return { updates: made, params: flatten(params), states, end: state };
}

/** Inputs that a program declares: numbers that are the same for every program. */
function inputsOf(
  program: Program,
  step: number,
  total: number,
  tree: (flat: ArrayLike<number>) => unknown,
): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  let seed = 1000 * step;
  for (const [name, kind] of program.inputs) {
    const normal = normals(++seed);
    inputs[name] = kind === "scalar"
      ? Math.abs(normal())
      : tree(Float64Array.from({ length: total }, () => Math.abs(normal())));
  }
  return inputs;
}

function statesOf(program: Program, state: State): Map<string, Float64Array> {
  return new Map([...program.state.keys()].map((name) => [name, flatten(state[name])]));
}

/** The numbers of a tree in turn. */
function flatten(tree: unknown): Float64Array {
  const numbers: number[] = [];
  const take = (value: unknown): void => {
    if (typeof value === "number") numbers.push(value);
    else if (ArrayBuffer.isView(value)) numbers.push(...value as unknown as Iterable<number>);
    else if (Array.isArray(value)) value.forEach(take);
    else if (typeof value === "object" && value !== null && "data" in value) take(value.data);
  };
  take(tree);
  return Float64Array.from(numbers);
}
