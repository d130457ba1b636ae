/**
 * Each optimizer finds the minima that Optax's own tests look for, with the options and the tolerance of
 * those, in float32 on the fastest backend. Those take 10,000 steps, or 30,000, and look where they are
 * at the end. So do these, but one that has come near is let go when it has stayed near, at every look
 * from then on, for as many steps again as it took and 1,000 at least: what leaves has to come back and
 * stay.
 */
import {
  acprop,
  adabelief,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamaxw,
  adamw,
  adan,
  ademamix,
  adopt,
  amsgrad,
  chain,
  cocob,
  dadaptAdamw,
  dog,
  dowg,
  fromage,
  lamb,
  lars,
  lion,
  madgrad,
  mechanize,
  momo,
  momoAdam,
  muon,
  nadam,
  nadamw,
  noisySgd,
  novograd,
  optimisticAdamV2,
  optimisticGradientDescent,
  type Optimizer,
  polyakSgd,
  prodigy,
  radam,
  reduceOnPlateau,
  rmsprop,
  rprop,
  scheduleFree,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
  signSgd,
  signum,
  simplifiedAdemamix,
  sm3,
  sophia,
  yogi,
} from "../../mod.ts";
import { assert } from "../assert.ts";

type Leaf = { readonly data: Float32Array; readonly shape: readonly number[] };
type Tree = Readonly<Record<string, Leaf>>;

/** A function to minimise: from parameters its value, and in `gradients` and `curvatures` its slopes. */
interface Problem {
  readonly start: Tree;
  readonly target: Tree;
  readonly look: (params: Tree, gradients: Tree, curvatures: Tree) => number;
}

const vector = (...data: number[]): Leaf => ({
  data: Float32Array.from(data),
  shape: [data.length],
});
const square = (...data: number[]): Leaf => ({ data: Float32Array.from(data), shape: [2, 2] });

/** The sum of squared distances from a target. */
function parabola(start: Tree, target: Tree): Problem {
  return {
    start,
    target,
    look(params, gradients, curvatures) {
      let value = 0;
      for (const [name, { data }] of Object.entries(params)) {
        data.forEach((x, i) => {
          const distance = x - target[name].data[i];
          gradients[name].data[i] = 2 * distance;
          curvatures[name].data[i] = 2;
          value += distance ** 2;
        });
      }
      return value;
    },
  };
}

/** (1 - x)² + 100·(y - x²)². */
const rosenbrock: Problem = {
  start: { x: vector(0, 0) },
  target: { x: vector(1, 1) },
  look({ x: { data: [x, y] } }, gradients, curvatures) {
    const above = y - x ** 2;
    gradients.x.data.set([-2 * (1 - x) - 400 * x * above, 200 * above]);
    curvatures.x.data.set([2 - 400 * above + 800 * x ** 2, 200]);
    return (1 - x) ** 2 + 100 * above ** 2;
  },
};

const PROBLEMS = {
  parabola: parabola({ x: vector(-1, 10, 1) }, { x: vector(1, -1, 1) }),
  rosenbrock,
  "parabola of a matrix": parabola({ x: square(0, 0, 0, 0) }, { x: square(3, -2, 1, 4) }),
  "parabola of a vector and a matrix": parabola(
    { v: vector(0, 0, 0), m: square(0, 0, 0, 0) },
    { v: vector(1, -1, 2), m: square(1, 0, -1, 1) },
  ),
} as const;

type ProblemName = keyof typeof PROBLEMS;

/** A row: an optimizer, and what it is called if the program does not tell it from others. */
type Row = readonly [opt: Optimizer, note?: string, only?: ProblemName];

const ALIASES: readonly Row[] = [
  [adabelief({ learningRate: 1e-2 })],
  [adabelief({ learningRate: 1e-2, weightDecay: 1e-4 }), ", with decay"],
  [adadelta({ learningRate: 0.1 })],
  [adafactor({ learningRate: 5e-3 })],
  [adagrad({ learningRate: 1 })],
  [adam({ learningRate: 0.1 })],
  [adamax({ learningRate: 0.1 })],
  [adamaxw({ learningRate: 0.1 })],
  [adamw({ learningRate: 0.1 })],
  [adan({ learningRate: 0.1 })],
  [amsgrad({ learningRate: 0.1 })],
  [fromage({ learningRate: 5e-3 })],
  [lamb({ learningRate: 1e-3 })],
  [lars({ learningRate: 1 })],
  [lion({ learningRate: 1e-2, weightDecay: 1e-4 })],
  [nadam({ learningRate: 1e-2 })],
  [nadamw({ learningRate: 1e-2 })],
  [noisySgd({ learningRate: 1e-3, eta: 1e-4 })],
  [novograd({ learningRate: 1e-3 })],
  [optimisticAdamV2({ learningRate: 2e-3 })],
  [optimisticGradientDescent({ learningRate: 2e-3, alpha: 0.7, beta: 0.1 })],
  [polyakSgd({ maxLearningRate: 1 })],
  [radam({ learningRate: 5e-3 })],
  [rmsprop({ learningRate: 5e-3 })],
  [rmsprop({ learningRate: 5e-3, momentum: 0.9 }), ", with momentum"],
  [rprop({ learningRate: 0.1 })],
  [sgd({ learningRate: 1e-3, momentum: 0.9 })],
  [signSgd({ learningRate: 0.1 }), "", "parabola"],
  [signum({ learningRate: 1e-2 }), "", "parabola"],
  [sm3({ learningRate: 1 })],
  [yogi({ learningRate: 0.1 })],
];

const CONTRIBUTED: readonly Row[] = [
  [acprop({ learningRate: 1e-3 })],
  [ademamix({ learningRate: 1e-3 })],
  [adopt({ learningRate: 1e-2 })],
  [cocob()],
  [cocob({ weightDecay: 1e-2 }), ", with decay"],
  [dadaptAdamw({ learningRate: 0.1 })],
  [dog({ learningRate: 1 })],
  [dowg({ learningRate: 1 })],
  [madgrad({ learningRate: 1e-2 })],
  [momo({ learningRate: 0.1 })],
  [momoAdam({ learningRate: 0.1 })],
  [muon({ learningRate: 1e-2 })],
  [prodigy({ learningRate: 0.1 })],
  [scheduleFreeSgd({ learningRate: 1e-2, warmupSteps: 5000 })],
  [scheduleFreeAdamw({ learningRate: 1e-2, warmupSteps: 5000 })],
  [simplifiedAdemamix({ learningRate: 1e-3 })],
  [sophia({ learningRate: 1e-2 })],
  [mechanize(sgd({ learningRate: 0.1 }))],
  [mechanize(lion({ learningRate: 1, b1: 0.99 }))],
  [chain(sgd({ learningRate: 1e-3 }), reduceOnPlateau())],
  [scheduleFree(sgd({ learningRate: 1e-2 }), { learningRate: 1e-2 })],
];

const zeros = (tree: Tree): Tree =>
  Object.fromEntries(
    Object.entries(tree).map(([name, { data, shape }]) => [name, {
      data: new Float32Array(data.length),
      shape,
    }]),
  );

/** Whether each number is within Optax's 3e-2 of its target, both relative and absolute. */
function isThere(params: Tree, target: Tree): boolean {
  return Object.entries(target).every(([name, { data }]) =>
    data.every((wanted, i) =>
      Math.abs(params[name].data[i] - wanted) <= 3e-2 + 3e-2 * Math.abs(wanted)
    )
  );
}

function testFinds(row: Row, name: ProblemName, steps: number): void {
  const [opt, note = ""] = row;
  Deno.test(`${opt.program.name}${note} finds the minimum: ${name}`, () => {
    const { start, target, look } = PROBLEMS[name];
    const params = structuredClone(start);
    const [gradients, curvatures] = [zeros(start), zeros(start)];
    const state = opt.init(params);
    const inputs: Record<string, unknown> = { hessian: curvatures };
    let since: number | undefined;
    for (let step = 1; step <= steps; step++) {
      inputs.value = look(params, gradients, curvatures);
      opt.step(params, gradients, state, inputs);
      if (step % 10 !== 0) continue;
      if (!isThere(opt.evaluationParams(params, state), target)) since = undefined;
      else if (since === undefined) since = step;
      else if (step >= Math.max(2 * since, since + 1000)) break;
    }
    assert(
      since !== undefined,
      `it ends at ${JSON.stringify(opt.evaluationParams(params, state))}`,
    );
  });
}

for (const row of ALIASES) {
  for (const name of ["parabola", "rosenbrock"] as const) {
    if ((row[2] ?? name) === name) testFinds(row, name, 10_000);
  }
}
for (const row of CONTRIBUTED) {
  for (const name of Object.keys(PROBLEMS) as ProblemName[]) testFinds(row, name, 30_000);
}
