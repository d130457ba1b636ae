/** Every optimizer of the zoo, made with its defaults, and steps of it on a tree of all ranks. */
import { type Domain, factory, type HyperValue, type Optimizer, type State } from "../../mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { isWithin } from "../../dsl/domain.ts";
import { randomArray } from "../runtime/random.ts";

/** What parameters are held and computed in. */
export type Precision = "float32" | "float64";

/** Options of any optimizer. */
export type Options = Readonly<Record<string, HyperValue | boolean>>;

/** An optimizer of the zoo, to be made with some options besides those that its name tells. */
export interface Maker {
  readonly name: string;
  readonly make: (options?: Options) => Optimizer;
}

/**
 * Every optimizer of the zoo by the hyperparameters of its program, with their defaults: what is required is a
 * half, or 1 where it is a whole number, a learning rate smaller. Each that has such is there again with
 * other options: truth values turned round, and 1/8 for every 0, or 1.
 */
export const MAKERS: readonly Maker[] = Object.entries(zoo).flatMap(([name, { program }]) => {
  const defaults = [...program.hyper];
  const required = defaults.filter(([, value]) => value === "required")
    .map(([each]) =>
      [each, numberIn(program.domains.get(each), each === "learningRate" ? 1 / 64 : 0.5)] as const
    );
  const make = (options: Options = {}) =>
    factory(program)({ ...Object.fromEntries(required), ...options });
  const other: Options = Object.fromEntries(
    defaults.filter(([, value]) => typeof value === "boolean" || value === 0)
      .map((
        [each, value],
      ) => [
        each,
        typeof value === "boolean" ? !value : numberIn(program.domains.get(each), 1 / 8),
      ]),
  );
  const names = Object.keys(other);
  if (names.length === 0) return [{ name, make }];
  const turned = (options: Options = {}) => make({ ...other, ...options });
  return [{ name, make }, { name: `${name} with other ${names.join(", ")}`, make: turned }];
});

function numberIn(domain: Domain | undefined, usual: number): number {
  return domain === undefined || isWithin(domain, usual) ? usual : 1;
}

const SHAPES = [[], [5], [8, 5], [3, 4, 5]];

/** A tree of random numbers that has a scalar, a vector, a matrix and a stack of them. */
export function tree(seed: number, precision: Precision = "float32") {
  const Numbers = precision === "float32" ? Float32Array : Float64Array;
  return SHAPES.map((shape, i) => ({
    data: new Numbers(randomArray(shape.reduce((a, b) => a * b, 1), 10 * seed + i + 1)),
    shape,
  }));
}

/** A tree of parameters, gradients or updates. */
export type Tree = ReturnType<typeof tree>;

/** The gradients of step `t`, times `factor`. */
export function gradients(t: number, precision: Precision = "float32", factor: number = 1): Tree {
  return tree(100 + t, precision)
    .map(({ data, shape }) => ({
      data: data.map((value: number) => factor * value),
      shape,
    })) as Tree;
}

/** Whatever else `opt` is given at step `t`: a loss that falls, curvatures above 0. */
export function inputs(opt: Optimizer, t: number, precision: Precision = "float32") {
  const trees = () =>
    tree(200 + t, precision).map(({ data, shape }) => ({
      data: data.map((value: number) => Math.abs(value)),
      shape,
    }));
  return Object.fromEntries(
    [...opt.program.inputs].map((
      [name, kind],
    ) => [name, kind === "scalar" ? 8 / (t + 1) : trees()]),
  );
}

/** Where a run is. */
export interface Run {
  readonly params: Tree;
  readonly state: State;
}

/** Steps of `opt` from the same beginning; before each, `meanwhile` may replace what goes on. */
export function run(
  opt: Optimizer,
  { steps = 6, precision = "float32", factor = 1, meanwhile = (now: Run, _t: number) => now }: {
    steps?: number;
    precision?: Precision;
    factor?: number;
    meanwhile?: (now: Run, t: number) => Run;
  } = {},
): Run {
  const params = tree(1, precision);
  let now: Run = { params, state: opt.init(params) };
  for (let t = 0; t < steps; t++) {
    now = meanwhile(now, t);
    opt.step(now.params, gradients(t, precision, factor), now.state, inputs(opt, t, precision));
  }
  return now;
}

/** The parameters and the states of a run, without its hyperparameters. */
export function reached({ params, state: { hyper: _, ...state } }: Run): unknown {
  return { params, state };
}
