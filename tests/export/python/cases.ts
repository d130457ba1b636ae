/** Runs of Gradus on random trees, which a generated file is to repeat. */
import { PARAMETER } from "../../../dsl/node.ts";
import { GradusError, type Optimizer } from "../../../mod.ts";
import { type PythonTarget, toPython } from "../../../export/python/mod.ts";

/** One run: the file, what it is given, and what comes of it. */
export interface PythonCase {
  readonly name: string;
  readonly source: string;
  /** The class or function in it. */
  readonly className: string;
  /** Given by name when the optimizer is made. */
  readonly options: Readonly<Record<string, number>>;
  readonly shapes: readonly (readonly number[])[];
  /** What parameters are called, where they are not numbered. */
  readonly names?: readonly string[];
  readonly params: readonly (readonly number[])[];
  /** By step and by parameter. */
  readonly gradients: readonly (readonly (readonly number[])[])[];
  /** By step: numbers, or trees as gradients are. */
  readonly inputs: readonly Readonly<Record<string, number | readonly (readonly number[])[]>>[];
  readonly after: readonly (readonly number[])[];
  /** What to evaluate with in the end, where that is not what is trained. */
  readonly evaluated?: readonly (readonly number[])[];
  /** What else the script is to do. */
  readonly how?: object;
}

/** A case, or why there is none. */
export type Made = { readonly made: PythonCase } | { readonly refused: string };

type Shapes = readonly (readonly number[])[];

const MIXED = [[4, 6], [5], [2, 3, 2], [6, 3], []];
/** For those that take matrices alone. */
export const MATRICES = [[4, 6], [6, 3]];
/** Where a basis is made of a gradient: one without a part that nothing tells of but the last bits. */
const NEARLY_SQUARE: Readonly<Record<string, readonly (readonly number[])[]>> = {
  soap: [[4, 5], [6, 6], [5]],
};
/** For those with masks. */
const NAMED = [[5], [6, 3]];

/** The case of an optimizer in a framework. */
export function caseOf(
  name: string,
  opt: Optimizer,
  to: PythonTarget,
  steps = 20,
  own?: Shapes | ((source: string) => Shapes),
): Made {
  let source: string;
  try {
    source = toPython(opt, { to, name: "generated" });
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    return { refused: error.message };
  }
  const shapes = typeof own === "function" ? NEARLY_SQUARE[name] ?? own(source) : own;
  const usual = shapes ?? NEARLY_SQUARE[name] ?? MIXED;
  const trees = [[usual], [MATRICES], [NAMED, ["b", "w"]]] as const;
  for (const [k, [shapes, names]] of trees.entries()) {
    try {
      return { made: { name, source, ...stepped(opt, shapes, steps, names) } };
    } catch (error) {
      if (!(error instanceof GradusError) || k === trees.length - 1) throw error;
    }
  }
  throw new Error("there are no trees");
}

function stepped(
  opt: Optimizer,
  shapes: readonly (readonly number[])[],
  steps: number,
  names?: readonly string[],
): Omit<PythonCase, "name" | "source"> {
  const next = random(7);
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const normal = () => sizes.map((size) => Float32Array.from({ length: size }, next));
  const tree = (leaves: readonly Float32Array[]): object => {
    const list = leaves.map((data, i) => ({ data, shape: shapes[i] }));
    return names === undefined ? list : Object.fromEntries(names.map((name, i) => [name, list[i]]));
  };
  const lists = (leaves: readonly Float32Array[]) => leaves.map((data) => [...data]);
  const arrays = normal();
  const params = tree(arrays) as never;
  const first = lists(arrays);
  const state = opt.init(params);
  const gradients: number[][][] = [];
  const inputs: Record<string, number | number[][]>[] = [];
  for (let step = 0; step < steps; step++) {
    const g = normal();
    gradients.push(lists(g));
    const given: Record<string, unknown> = {};
    const kept: Record<string, number | number[][]> = {};
    for (const [name, kind] of opt.program.inputs) {
      if (kind === "scalar") given[name] = kept[name] = Math.fround(1 + Math.abs(next()));
      else {
        const leaves = normal().map((data) => data.map(Math.abs));
        given[name] = tree(leaves);
        kept[name] = lists(leaves);
      }
    }
    inputs.push(kept);
    opt.step(params, tree(g) as never, state, given);
  }
  return {
    className: "generated",
    options: {},
    shapes,
    params: first,
    gradients,
    inputs,
    after: lists(arrays),
    ...names === undefined ? {} : { names },
    ...opt.program.evaluate === PARAMETER
      ? {}
      : { evaluated: evaluatedWith(opt, params, state as never, names) },
  };
}

function evaluatedWith(
  opt: Optimizer,
  params: never,
  state: never,
  names: readonly string[] | undefined,
): number[][] {
  const tree = opt.evaluationParams(params, state) as Record<string, { data: Float32Array }>;
  return (names ?? Object.keys(tree)).map((key) => [...tree[key].data]);
}

/** Numbers of about the normal distribution, always the same for a seed. */
function random(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5 | 0;
    let x = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    x ^= x >>> 15;
    return (x >>> 0) / 2 ** 32;
  };
  return () => uniform() + uniform() + uniform() + uniform() - 2;
}
