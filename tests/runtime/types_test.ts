/**
 * What types tell of states: the names, and trees like the parameters'. What must not compile stands
 * below `@ts-expect-error`, so that the compiler is the test; what is assigned is looked at besides.
 */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  factory,
  fixed,
  lion,
  lookahead,
  momo,
  multiSteps,
  namedChain,
  type Optimizer,
  optimizer,
  parseProgram,
  partition,
  prodigy,
  required,
  resident,
  sgd,
  type State,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";

const made = optimizer({
  name: "made",
  hyper: { learningRate: required, decay: { default: 0.5, domain: "[0, 1)" }, nesterov: false },
  state: { m: 0, n: { over: "tensor" }, best: { init: "inf", over: "tree" } },
  step: `
    m = decay*m + where(nesterov, 2*g, g)
    n = norm(m)
    best = min(best, globalNorm(g))
    u = -learningRate*m/max(n, best)
  `,
});
const tensor = (): Tensor => ({ data: new Float32Array(4), shape: [2, 2] });
const params = () => ({ w: tensor(), layers: [Float32Array.of(1)], last: Float64Array.of(1) });

Deno.test("a state of a document is a tree like the parameters', or a number", () => {
  const state = made({ learningRate: 1 }).init(params());
  const { data }: Tensor = state.m.w;
  const [layer]: Float32Array[] = state.n.layers;
  const last: Float64Array = state.m.last;
  const best: number = state.best;
  assertEquals([data.length, layer.length, last.length, best], [4, 1, 1, Infinity]);
  // @ts-expect-error: there is no such parameter
  assertEquals(state.m.bias, undefined);
  // @ts-expect-error: it is a number
  assertEquals(state.best.w, undefined);
});

Deno.test("hyperparameters of a state are listed, and truth values are not among them", () => {
  const opt = made({ learningRate: 1 });
  const state = opt.init(params());
  state.hyper.learningRate = 0.5;
  state.hyper.decay = 0.25;
  delete state.hyper.decay;
  // @ts-expect-error: no hyperparameter
  state.hyper.learningrate = 0.5;
  // @ts-expect-error: one of the options, and no number
  assertEquals(state.hyper.nesterov, undefined);
  assertEquals([state.hyper.learningRate, state.hyper.decay], [0.5, 0.5]);
});

Deno.test("short parameters have float32 states and a master, states are as short as is asked for", () => {
  const w: StoredTensor = { data: Uint16Array.of(0x3f80), shape: [1], dtype: "bfloat16" };
  const way = { dtype: "bfloat16", rounding: "stochastic" } as const;
  const state = adamw({ learningRate: 1 }).init({ w }, { storage: { v: way } });
  const m: Tensor = state.m.w;
  const v: StoredTensor = state.v.w;
  const master: Tensor | undefined = state.master?.w;
  assertEquals([m.data.length, v.dtype, master?.data[0]], [1, "bfloat16", 1]);
  // @ts-expect-error: stored short
  const wide: Tensor = state.v.w;
  assert(Object.is(wide, v));
});

Deno.test("those of the library are typed, made in whatever way", () => {
  const x = Float32Array.of(1);
  const arrays: Float32Array[] = [
    adamw({ learningRate: 1 }).init(x).v,
    lion({ learningRate: 1, mode: "refined" }).init(x).m,
    prodigy().init(x).theta0,
  ];
  assertEquals(arrays.map(({ length }) => length), [1, 1, 1]);
  const d: number = prodigy().init(x).d;
  assert(d > 0);
  // Not kept for all options.
  const m: Float32Array | undefined = sgd({ learningRate: 1 }).init(x).m;
  const bound: number | undefined = momo().init(x).l;
  assertEquals([m, bound], [undefined, undefined]);
  // @ts-expect-error: may be missing
  const kept: Float32Array = sgd({ learningRate: 1, momentum: 0.9 }).init(x).m;
  assertEquals(kept.length, 1);
});

Deno.test("states go through updates, resident trees and other ways to run", () => {
  const start = Float32Array.of(1, 2);
  let state = adamw({ learningRate: 1 }).with({ backend: "js" }).init(start);
  [, state] = adamw({ learningRate: 1 }).update(start, state, start);
  const m: Float32Array = state.m;
  using placed = resident({ w: Float32Array.of(1, 2) });
  using theirs = adamw({ learningRate: 1 }).init(placed);
  const length: number = theirs.v.w.length;
  assertEquals([m.length, length], [2, 2]);
});

Deno.test("a chain knows the first one's states, and where names are given all", () => {
  const x = { w: Float32Array.of(3, 4) };
  const clip = clipByGlobalNorm({ maxNorm: 1 });
  const plain = chain(adamw({ learningRate: 1 }), clip, lion({ learningRate: 1 })).init(x);
  const v: Float32Array = plain.v.w;
  // @ts-expect-error: lion's has another name, m_2
  assertEquals(plain.m.x, undefined);
  const later = chain(clip, adamw({ learningRate: 1 })).init(x);
  const maybe: Float32Array | undefined = later.m?.w;
  later.hyper.learningRate = 0.5;
  later.hyper.weightDecay_2 = 0.5;
  assertEquals([v.length, maybe?.length], [2, 2]);
  const named = namedChain({ clip, body: adamw({ learningRate: 1 }) }).init(x);
  const parts = partition({ a: adamw({ learningRate: 1 }), b: prodigy() }, { w: "b" }).init(x);
  const arrays: Float32Array[] = [named.m_body.w, parts.s_b.w];
  const distance: number = parts.d_b;
  named.hyper.maxNorm_clip = 2;
  // @ts-expect-error: clip has none
  named.hyper.learningRate_clip = 2;
  assertEquals([arrays.map(({ length }) => length), distance > 0], [[2, 2], true]);
});

Deno.test("a wrapper adds its states to those of what is in it", () => {
  const x = Float32Array.of(1);
  const inner = lookahead(adamw({ learningRate: 1 }), { syncPeriod: 2, slowStepSize: 0.5 });
  const state = multiSteps(inner, { everyKSchedule: 2 }).init(x);
  const arrays: Float32Array[] = [state.m, state.slow, state.acc];
  const steps: number = state.miniStep;
  state.hyper.everyKSchedule = 1;
  state.hyper.slowStepSize = 0.25;
  assertEquals([arrays.length, steps], [3, 0]);
});

Deno.test("an optimizer by itself may have any states, and several make a list", () => {
  const x = Float32Array.of(1);
  const all = [sgd({ learningRate: 1 }), adamw({ learningRate: 1 }), made({ learningRate: 1 })];
  const listed: Optimizer[] = all;
  for (const opt of [...all, ...listed]) {
    const state = opt.init(x);
    opt.step(x, Float32Array.of(1), state);
    state.hyper.learningRate = 0.5;
    const kept: State = state;
    assertEquals(kept.count, 1);
  }
  const read = factory(parseProgram({ name: "read", state: { m: 0 }, step: "m = g; u = -m" }))();
  const state = read.init(x);
  state.hyper.anything = 1;
  // @ts-expect-error: nobody has said what it is
  assertEquals(state.m.length, 1);
  const rms = fixed(adamw, { name: "rms" }, { b1: 0 });
  const unknown: unknown = rms({ learningRate: 1 }).init(x).v;
  assert(unknown instanceof Float32Array);
});

Deno.test("trees of any form keep their type, optional parameters stay optional", () => {
  type Tree =
    | Float32Array
    | Tensor
    | StoredTensor
    | { readonly [key: string]: Tree }
    | readonly Tree[];
  const any: Tree = { a: [Float32Array.of(1)] };
  const opt = adamw({ learningRate: 1 });
  const m: Tree = opt.init(any).m;
  assertEquals([any, m].length, 2);
  interface Layer {
    readonly weight: StoredTensor;
    readonly bias?: Float32Array;
  }
  const half: Float32Array = opt.init({ w: Float16Array.of(1) }).m.w;
  assertEquals(half.length, 1);
  const layer: Layer = { weight: { data: Uint16Array.of(0), shape: [1], dtype: "float16" } };
  const state = opt.init(layer);
  const weight: Tensor = state.m.weight;
  const bias: Float32Array | undefined = state.m.bias;
  assertEquals([weight.data.length, bias], [1, undefined]);
});
