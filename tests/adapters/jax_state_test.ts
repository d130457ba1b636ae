/** Runs in jax-js are saved, and go on there or by Gradus's own kernels. */
import { jit, numpy as np, tree } from "@jax-js/jax";
import { fromJaxTree, type JaxState, toJax, toJaxTree } from "../../adapters/jax/mod.ts";
import { load, save } from "../../export/safetensors/mod.ts";
import {
  adafactor,
  adamw,
  averageParams,
  chain,
  clipByGlobalNorm,
  lion,
  multiSteps,
  type Optimizer,
  partition,
  scheduleFreeAdamw,
  sgd,
  type Tensor,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { buffersHeld } from "./jax.ts";

const learningRate = warmupCosineDecaySchedule({
  initValue: 0,
  peakValue: 0.1,
  warmupSteps: 3,
  decaySteps: 20,
});
const optimizers: Record<string, Optimizer> = {
  clipped: chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate })),
  "of several forms": partition({
    free: scheduleFreeAdamw({ learningRate: 0.1 }),
    plain: sgd({ learningRate: 0.1 }),
  }, { query: "free", head: { w: "plain", b: "free" } }),
  accumulated: multiSteps(averageParams(lion({ learningRate: 0.1 }), { decay: 0.9 }), {
    everyKSchedule: 3,
  }),
  factored: adafactor({ learningRate: 0.1, minDimSizeToFactor: 2 }),
};

/** Not in the order of the alphabet, which is that of Gradus. */
type Params = { query: np.Array; head: { w: np.Array; b: np.Array } };

const numbers = (size: number, seed: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(37 * i + seed));

function firstParams(): Params {
  return toJaxTree({
    query: { data: numbers(12, 1), shape: [3, 4] },
    head: { w: { data: numbers(8, 2), shape: [4, 2] }, b: numbers(2, 3) },
  }, np);
}

type Run = {
  params: Params;
  state: JaxState<np.Array>;
};

/** Steps as one graph: what jax-js computes without `jit` rests on when its arrays are looked at. */
function stepOf(opt: ReturnType<typeof toJax<np.Array>>) {
  return jit(({ params, state }: Run): Run => {
    const gradients = tree.map((w: np.Array) => w.mul(0.5).add(0.1), tree.ref(params));
    const [updates, next] = opt.update(gradients as Params, state, tree.ref(params));
    const sum = tree.map((w: np.Array, u: np.Array) => w.add(u), params, updates);
    return { params: sum as Params, state: next };
  });
}

function trained(step: ReturnType<typeof stepOf>, run: Run, steps: number): Run {
  for (let k = 0; k < steps; k++) run = step(run);
  return run;
}

function valuesOf(params: Params): number[] {
  return tree.leaves(params).flatMap((each) => [...(each as np.Array).dataSync()]);
}

for (const [name, optimizer] of Object.entries(optimizers)) {
  Deno.test(`a run that is ${name} is saved in jax-js and goes on there exactly`, () => {
    const before = buffersHeld();
    const opt = toJax(optimizer, np);
    const step = stepOf(opt);
    const begin = () => {
      const params = firstParams();
      return { params, state: opt.init(tree.ref(params)) };
    };
    const { params: expected, state: last } = trained(step, begin(), 9);
    const { params: arrays, state } = trained(step, begin(), 4);
    const params = fromJaxTree(arrays);
    const bytes = save({ optimizer, params, state: opt.toHost(params, state) });
    const run = load<typeof params>(bytes);
    assertEquals(run.state.count, 4);
    const again = { params: toJaxTree(run.params, np), state: opt.fromHost(run.params, run.state) };
    const resumed = trained(step, again, 5);
    const [a, b] = [valuesOf(expected), valuesOf(resumed.params)];
    assertEquals(b, a);
    // Gradus's own kernels go on from there too.
    for (let k = 0; k < 5; k++) {
      const gradient = ({ data, shape }: Tensor) => ({
        data: data.map((w) => 0.5 * w + 0.1),
        shape,
      });
      const { query, head } = run.params;
      const gradients = {
        query: gradient(query),
        head: { w: gradient(head.w), b: gradient(head.b) },
      };
      run.optimizer.step(run.params, gradients, run.state);
    }
    const own = valuesOf(toJaxTree(run.params, np) as Params);
    const far = Math.max(...own.map((x, i) => Math.abs(x - a[i])));
    assert(far < 1e-4, `${far} apart`);
    tree.dispose([last, resumed.state]);
    step.dispose();
    assertEquals(buffersHeld(), before);
  });
}

Deno.test("a rate that a state in jax-js carries is saved where it was changed, and taken back", () => {
  const optimizer = sgd({ learningRate: 0.1 });
  const opt = toJax(optimizer, np, { hyper: ["learningRate"] });
  const params = { w: Float32Array.of(1, 2) };
  const state = opt.init(toJaxTree(params, np));
  assertEquals(Object.keys(opt.toHost(params, tree.ref(state)).hyper), []);
  const { learningRate } = state.hyper as { learningRate: np.Array };
  learningRate.dispose();
  const host = opt.toHost(params, { ...state, hyper: { learningRate: np.array(0.25) } });
  assertEquals({ ...host.hyper }, { learningRate: 0.25 });
  const back = opt.fromHost(params, host);
  assertEquals((back.hyper as { learningRate: np.Array }).learningRate.ref.js(), 0.25);
  assertRefused(
    () => toJax(optimizer, np).fromHost(params, host),
    "`learningRate` was written into the state, and must be carried by it: name it in `hyper`",
  );
  assertRefused(() => opt.toHost({ v: params.w }, { count: back.count }), "the state must have");
  assertRefused(() => opt.fromHost(params, {} as never), 'the state must be one of "sgd"');
  tree.dispose(back);
});
