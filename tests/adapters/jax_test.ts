/** Training inside jax-js: what is used up, what stays, what is refused. */
import { grad, jit, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { fromJaxTree, type JaxState, toJax, toJaxTree } from "../../adapters/jax/mod.ts";
import {
  adafactor,
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  lion,
  multiSteps,
  optimizer,
  schedule,
  sgd,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { buffersHeld, plain, toArrays } from "./jax.ts";

type State = JaxState<np.Array>;
/** Not in the order of the alphabet, which is that of Gradus. */
type Params = { query: np.Array; out: { w: np.Array; b: np.Array }; key: np.Array };

const numbers = (size: number, seed: number, scale = 0.5) =>
  Float32Array.from({ length: size }, (_, i) => scale * Math.sin(37 * i + seed) * 1.3);

const TOKENS = 6;
const WIDTH = 4;

function firstParams() {
  return {
    query: { data: numbers(WIDTH * WIDTH, 1), shape: [WIDTH, WIDTH] },
    out: {
      w: { data: numbers(WIDTH * WIDTH, 2), shape: [WIDTH, WIDTH] },
      b: { data: new Float32Array(WIDTH), shape: [WIDTH] },
    },
    key: { data: numbers(WIDTH * WIDTH, 3), shape: [WIDTH, WIDTH] },
  };
}

/** One layer of attention, which is to give each token the one before it. */
function attentionLoss({ query, key, out }: Params, tokens: np.Array): np.Array {
  const target = np.concatenate([tokens.ref.slice([0, 1]), tokens.ref.slice([0, TOKENS - 1])], 0);
  const scores = np.matmul(
    np.matmul(tokens.ref, query),
    np.transpose(np.matmul(tokens.ref, key)),
  );
  const weights = np.exp(scores.ref.sub(np.max(scores, 1, { keepdims: true })));
  const attention = weights.ref.div(np.sum(weights, 1, { keepdims: true }));
  const made = np.matmul(np.matmul(attention, tokens), out.w).add(out.b);
  return np.mean(np.square(made.sub(target)));
}

const tokensAt = (t: number) =>
  np.array(numbers(TOKENS * WIDTH, t % 5, 1), { shape: [TOKENS, WIDTH] });

const recipe = () =>
  multiSteps(
    chain(
      clipByGlobalNorm({ maxNorm: 0.5 }),
      adamw({
        learningRate: warmupCosineDecaySchedule({
          initValue: 0,
          peakValue: 0.02,
          warmupSteps: 10,
          decaySteps: 100,
        }),
        weightDecay: 0.01,
        mask: { query: true, out: { w: true, b: false }, key: true },
      }),
    ),
    { everyKSchedule: 2 },
  );

Deno.test("a transformer trains as one graph, as by Gradus's own kernels", () => {
  const opt = toJax(recipe(), np);
  const step = jit((params: Params, state: State, tokens: np.Array) => {
    const loss = (params: Params) => attentionLoss(params, tokens);
    const [value, gradients] = valueAndGrad(loss)(tree.ref(params));
    const [updates, next] = opt.update(gradients as Params, state, tree.ref(params));
    return {
      params: tree.map((w: np.Array, u: np.Array) => w.add(u), params, updates),
      next,
      value,
    };
  });
  let params: Params = toArrays(firstParams());
  let state = opt.init(tree.ref(params));
  const losses: number[] = [];
  for (let t = 0; t < 200; t++) {
    const made = step(params, state, tokensAt(t));
    [params, state] = [made.params as Params, made.next];
    losses.push(made.value.item());
  }
  assertEquals((state.count as np.Array).ref.js(), 200);
  assertEquals((state.gradientStep as np.Array).ref.js(), 100);

  const own = recipe();
  const ours = firstParams();
  const ownState = own.init(ours);
  const gradientsOf = jit((params: Params, tokens: np.Array) =>
    valueAndGrad((params: Params) => attentionLoss(params, tokens))(params)
  );
  const ownLosses = Array.from({ length: 200 }, (_, t) => {
    const [value, gradients] = gradientsOf(toArrays(ours), tokensAt(t));
    own.step(ours, fromJaxTree(gradients as Params), ownState);
    return value.item();
  });
  const [first, last] = [losses.slice(0, 10), losses.slice(-10)].map((all) => Math.max(...all));
  assert(last < 0.6 * first, `the loss went from ${first} to ${last}`);
  losses.forEach((loss, t) => {
    assert(
      Math.abs(loss - ownLosses[t]) < 1e-4 * ownLosses[t],
      `${loss}, not ${ownLosses[t]}, ${t}`,
    );
  });
  tree.dispose([params, state]);
});

for (const [isJitted, steps] of [[true, 1_000], [false, 60]] as const) {
  const how = isJitted ? "each one graph" : "call by call";
  Deno.test(`${steps} steps, ${how}, leave as many buffers as three, parameters given or not`, () => {
    const recipes = [
      [sgd({ learningRate: 0.1, momentum: 0.9 }), false],
      [chain(clipByGlobalNorm({ maxNorm: 1 }), adam({ learningRate: 0.1 })), false],
      [adam({ learningRate: 0.1 }), true], // which has no use for them
      [adafactor({ learningRate: 0.1 }), true],
    ] as const;
    for (const [opt, isGiven] of recipes) {
      const jax = toJax(opt, np);
      const update = (g: Params, state: State, w: Params | []) => {
        const [updates, next] = jax.update(g, state, Array.isArray(w) ? undefined : w);
        return { updates, next };
      };
      const step = isJitted ? jit(update) : update;
      const params: Params = toArrays(firstParams());
      let state = jax.init(tree.ref(params));
      const held = buffersHeld();
      const counts: number[] = [];
      for (let t = 0; t < steps; t++) {
        const given = isGiven ? tree.ref(params) as Params : [] as const;
        const { updates, next } = step(toArrays(firstParams()), state, given as Params);
        // Read, so that nothing waits.
        for (const each of tree.leaves([updates, tree.ref(next)])) (each as np.Array).dataSync();
        state = next;
        counts.push(held.size);
      }
      assertEquals(counts.at(-1), counts[2], `${opt.program.name}: ${counts.slice(0, 6)}`);
      for (const each of tree.leaves(state)) assertEquals((each as np.Array).refCount, 1);
      for (const each of tree.leaves(params)) assertEquals((each as np.Array).refCount, 1);
      tree.dispose([params, state]);
    }
  });
}

Deno.test("an update uses up what it is given and nothing else", () => {
  const jax = toJax(adamw({ learningRate: 0.1 }), np);
  const params: Params = toArrays(firstParams());
  const state = jax.init(tree.ref(params));
  const gradients: Params = toArrays(firstParams());
  const [updates, next] = jax.update(gradients, state, tree.ref(params));
  const uses = (trees: unknown) => tree.leaves(trees as Params).map(({ refCount }) => refCount);
  assertEquals(uses([gradients, state]).filter((count) => count !== 0), []);
  assertEquals(uses([params, updates, next]).filter((count) => count !== 1), []);
  assertThrows(() => gradients.query.ref, ReferenceError);
  tree.dispose([params, updates, next]);
});

Deno.test("updates have their keys in the order of the parameters, by which jax-js pairs them", () => {
  const jax = toJax(sgd({ learningRate: 1 }), np);
  const params = { z: np.array([1, 2]), a: np.array([10, 20, 30]) };
  const state = jax.init(tree.ref(params));
  const gradients = { a: np.array([1, 1, 1]), z: np.array([2, 2]) };
  const [updates] = jax.update(gradients, state, params);
  assertEquals(Object.keys(updates), ["z", "a"]);
  assertEquals(updates.z.js(), [-2, -2]);
  updates.a.dispose();
});

Deno.test("a hyperparameter that the state carries is changed without compiling anew", () => {
  const jax = toJax(sgd({ learningRate: 0.5, momentum: 0 }), np, {
    hyper: ["learningRate", "momentum"],
  });
  let traced = 0;
  const step = jit((g: np.Array, state: State) => {
    traced++;
    const [updates, next] = jax.update(g, state);
    return { updates, next };
  });
  let state = jax.init(np.zeros([2]));
  const stepped = (): number[] => {
    const made = step(np.array([1, 2]), state);
    state = made.next;
    return made.updates.js();
  };
  assertEquals(stepped(), [-0.5, -1]);
  const hyper = state.hyper as Record<string, np.Array>;
  tree.dispose(hyper);
  state.hyper = {
    learningRate: np.full([], 0.25, { dtype: np.float32 }),
    momentum: np.full([], 0.5, { dtype: np.float32 }),
  };
  assertEquals(stepped(), [-0.375, -0.75]);
  assertEquals(traced, 1);
  tree.dispose(state);
});

Deno.test("a step can be differentiated", () => {
  const jax = toJax(adam({ learningRate: 0.1, eps: 1e-2 }), np);
  // Σ of the parameters after two steps on w², by w.
  const after = (w: np.Array): np.Array => {
    let state = jax.init(w.ref);
    for (let t = 0; t < 2; t++) {
      const [updates, next] = jax.update(w.ref.mul(2), state, w.ref);
      [w, state] = [w.add(updates), next];
    }
    tree.dispose(state);
    return np.sum(w);
  };
  const at = [0.3, -0.02, 0.05];
  const made = grad(after)(np.array(at)).js() as number[];
  made.forEach((slope, i) => {
    const value = (by: number) => after(np.array(at.map((x, k) => k === i ? x + by : x))).item();
    const expected = (value(1e-3) - value(-1e-3)) / 2e-3;
    assert(Math.abs(slope - expected) < 5e-3, `${slope}, not ${expected}`);
  });
});

Deno.test("a step can be differentiated by a rate that the state carries", () => {
  const jax = toJax(adam({ learningRate: 0.1 }), np, { hyper: ["learningRate"] });
  const moved = (learningRate: np.Array): np.Array => {
    const w = np.array([1, -2]);
    const state = jax.init(w.ref);
    tree.dispose(state.hyper);
    const [updates, next] = jax.update(w.ref.mul(2), { ...state, hyper: { learningRate } }, w);
    tree.dispose(next);
    return np.sum(np.square(updates));
  };
  // (0.1 ± 0)² for each of two parameters, whose slope is 4·0.1.
  const slope = grad(moved)(np.full([], 0.1, { dtype: np.float32 })).item();
  assert(Math.abs(slope - 0.4) < 1e-5, `${slope}`);
});

Deno.test("norms of numbers whose squares are beyond float32 do not overflow, nor vanish", () => {
  const jax = toJax(clipByGlobalNorm({ maxNorm: 1 }), np);
  for (const scale of [1e30, 3e38, 1e-3, 1e3]) {
    const g = { a: np.array([3 * scale / 5]), b: np.array([4 * scale / 5, 0]) };
    const [{ a, b }, state] = jax.update(g, jax.init(tree.ref(g)));
    const size = Math.hypot(a.item(), (b.js() as number[])[0]);
    assert(Math.abs(size - Math.min(1, scale)) < 1e-6, `${size} for ${scale}`);
    tree.dispose(state);
  }
  const norms = toJax(optimizer({ name: "norms", step: "u = norm(g)*1e30 + 0*g" })(), np);
  const g = np.array([3e-30, 4e-30]);
  const [u, state] = norms.update(g, norms.init(g.ref));
  assert(Math.abs((u.js() as number[])[0] - 5) < 1e-5);
  tree.dispose(state);
});

Deno.test("trees go to jax-js and back with every bit, and are used up on the way back", () => {
  const ours = {
    z: Float32Array.of(1.5, -0, NaN, 1e-45),
    list: [{ data: Float64Array.of(0.1, 2), shape: [2, 1] }],
    nothing: { data: new Float32Array(0), shape: [0, 3] },
    number: { data: Float32Array.of(7), shape: [] as number[] },
  };
  const arrays = toJaxTree(ours, np);
  assertEquals(arrays.nothing.shape, [0, 3]);
  const back = fromJaxTree(arrays);
  assertEquals(back, {
    z: { data: ours.z, shape: [4] },
    list: ours.list,
    nothing: ours.nothing,
    number: ours.number,
  });
  assertEquals(Object.keys(back), ["z", "list", "nothing", "number"]);
  assertThrows(() => arrays.z.js(), ReferenceError);
  assertRefused(
    () => fromJaxTree({ a: np.array([1, 2]), b: np.array([1, 2], { dtype: np.int32 }) }),
    'Cannot read a tree of jax-js: the array at `b` must be float32 or float64: given "int32"',
  );
  assertRefused(
    () => toJaxTree({ a: { data: Uint16Array.of(1), shape: [1], dtype: "bfloat16" } }, np),
    "Cannot make a tree of jax-js: the tensor at `a` must be float32 or float64: given bfloat16",
  );
});

Deno.test("what jax-js cannot do is refused when the optimizer is made", () => {
  const refused = [
    [() => toJax(sgd({ learningRate: (count) => 1 / count }), np), "with an expression"],
    [() => toJax(lion({ learningRate: 1, muDtype: "bfloat16" }), np), "must be stored as float32"],
    [() => toJax(sgd({ learningRate: 1 }), np, { hyper: ["learningrate"] }), "did you mean"],
    [
      () => toJax(sgd({ learningRate: schedule("1/t") }), np, { hyper: ["learningRate"] }),
      "must be one number, so that a state can carry it: given a schedule",
    ],
    [() => toJax(sgd({ learningRate: 1 }), np, { hypers: [] } as never), "no option `hypers`"],
    [() => toJax(sgd as never, np), "given a function: call it with its options first"],
    [() => toJax(sgd({ learningRate: 1 }), { numpy: np } as never), "`np` must be the `numpy`"],
  ] as const;
  for (const [make, part] of refused) assertRefused(make, "one of jax-js", part);
});

Deno.test("what does not fit is refused before anything is used up", () => {
  const bounded = optimizer({
    name: "bounded",
    hyper: { learningRate: 0.1 },
    inputs: { value: "scalar" },
    state: { m: 0, n: { over: "tree" } },
    step: "m = g*value + 0*w; n = n + 1; u = -learningRate*m",
  });
  const jax = toJax(bounded(), np);
  const params = { a: np.array([1, 2, 3]) };
  const state = jax.init(tree.ref(params));
  const value = np.full([], 2, { dtype: np.float32 });
  const g = () => ({ a: np.array([1, 1, 1]) });
  const doing = 'Cannot update by "bounded" in jax-js';
  const cases = [
    [() => jax.update(g(), state, undefined, { value }), "they must be given as third argument"],
    [
      () => jax.update({ a: np.array([1]) }, state, params, { value }),
      "the updates at `a` must have shape [3]",
    ],
    [() => jax.update({ b: g().a } as never, state, params, { value }), "`a` is missing"],
    [() => jax.update(g(), state, params), "the inputs must have `value`: `value` is missing"],
    [() => jax.update(g(), state, params, { value, loss: value }), "there is no `loss`"],
    [
      () => jax.update(g(), state, params, { value: np.array([1, 2]) }),
      "input `value` must be an array of float32 without axes",
    ],
    [() => jax.update(g(), { ...state, v: value }, params, { value }), "there is no `v`"],
    [() => jax.update(g(), { count: state.count } as State, params, { value }), "`m` is missing"],
    [
      () => jax.update(g(), { ...state, count: value }, params, { value }),
      "`count` of the state must be an array of int32",
    ],
    [
      () => jax.update(g(), { ...state, m: { a: value } }, params, { value }),
      "state `m` at `a` must have shape [3]",
    ],
    [
      () => jax.update({ a: np.array([1, 2, 3], { dtype: np.float16 }) }, state, params, { value }),
      'the array at `a` must be float32, which is what is computed in: given "float16"',
    ],
    [() => jax.init({ a: 3 } as never), "must be an array"],
    [() => jax.init({} as never), "at least one array"],
  ] as const;
  for (const [run, part] of cases) assertRefused(run, "in jax-js", part);
  assertRefused(cases[0][0], doing);
  const [updates, next] = jax.update(g(), state, params, { value });
  assertEquals(plain(updates), { a: { data: Float32Array.of(-0.2, -0.2, -0.2), shape: [3] } });
  assertEquals((next.n as np.Array).ref.js(), 1);
  tree.dispose(next);
});
