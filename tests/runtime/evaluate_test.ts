import {
  adamw,
  averageParams,
  chain,
  GradusError,
  lookahead,
  masked,
  multiSteps,
  namedChain,
  type Optimizer,
  optimizer,
  partition,
  resident,
  type RoundedStorage,
  scaleByAdam,
  schedule,
  scheduleFree,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
  type State,
  type StorageType,
  type StoredTensor,
} from "../../mod.ts";
import { fromSplit, load, SplitArray, store } from "../../runtime/trees/dtype.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

type Vector = Float32Array<ArrayBuffer>;

/** Steps of the gradient 2w. */
function descend(opt: Optimizer, params: object, steps: number): State {
  const state = opt.init(params);
  for (let t = 0; t < steps; t++) {
    const gradients = Object.entries(params).map((
      [name, w],
    ) => [name, (w as Float32Array).map((x) => 2 * x)]);
    opt.step(params, Object.fromEntries(gradients), state);
  }
  return state;
}

/** (w - (1 - b1)*z)/b1, as float32 arithmetic has it. */
function averageOf(w: Vector, z: Vector, b1: number): Vector {
  const [a, b] = [Math.fround(1 - b1), Math.fround(b1)];
  return w.map((x, i) => Math.fround(Math.fround(x - Math.fround(a * z[i])) / b));
}

function tree(state: State, name: string): Record<string, Vector> {
  return state[name] as Record<string, Vector>;
}

Deno.test("a hyperparameter of another optimizer of a chain is not taken for that of the average", () => {
  for (const backend of BACKENDS) {
    const opt = chain(
      scaleByAdam({ b1: 0.5 }),
      scheduleFreeSgd({ learningRate: 0.25, b1: 0.9 }),
    ).with({ backend });
    const params = { x: Float32Array.of(4) };
    const state = descend(opt, params, 20);
    const { x } = opt.evaluationParams(params, state);
    assert(Math.abs(x[0] - 1.6509) < 5e-5, String(x[0]));
    assertEquals(x, averageOf(params.x, tree(state, "z").x, 0.9));
  }
});

Deno.test("short parameters are evaluated from their master copies, and rounded", () => {
  for (const backend of BACKENDS) {
    for (const dtype of ["bfloat16", "float16"] as const) {
      const ways: (StorageType | RoundedStorage)[] = [
        dtype,
        { dtype, rounding: "stochastic" },
        { dtype: "bfloat16+8", rounding: "stochastic" },
        "float32",
      ];
      for (const z of ways) {
        const opt = scheduleFreeSgd({ learningRate: 0.25 }).with({ backend });
        const params = { data: new Uint16Array(3), shape: [3], dtype };
        [4, -1, 0.3].forEach((value, i) => store(dtype, params.data, i, value));
        // What is refused at the beginning is stepped where a state has it; z begins as the parameter.
        const state = opt.init(params, z === dtype ? {} : { storage: { z } });
        if (z === dtype) state.z = structuredClone(params);
        for (let t = 0; t < 20; t++) {
          const data = Float32Array.from(params.data, (_, i) => 2 * load(dtype, params.data, i));
          opt.step(params, { data, shape: [3] } as never, state);
        }
        const { data, ...rest } = opt.evaluationParams(params, state);
        assertEquals(rest, { shape: [3], dtype });
        const [master, fast] = [state.master, state.z].map((leaf) => leaf as StoredTensor);
        const array = fast.low === undefined ? fast.data : new SplitArray(fast.data, fast.low);
        const kind = typeof z === "string" ? z : z.dtype;
        const exact = averageOf(
          new Float32Array(master.data),
          Float32Array.from(fast.data, (_, i) => load(kind, array, i)),
          0.9,
        );
        const wanted = new Uint16Array(3);
        exact.forEach((value, i) => store(dtype, wanted, i, value));
        assertEquals(data, wanted);
        const isTheirs = dtype === "bfloat16" && z === dtype;
        if (isTheirs) assert(Math.abs(load(dtype, data, 0) + 0.1378) < 5e-4);
      }
    }
  }
});

Deno.test("states of 24 bits are evaluated alike everywhere", () => {
  const opt = scheduleFreeSgd({ learningRate: 0.25 });
  const z = { dtype: "bfloat16+8", rounding: "stochastic", seed: 3 } as const;
  const evaluated = BACKENDS.flatMap((backend) =>
    [false, true].map((isResident) => {
      const w = Float32Array.from({ length: 1_003 }, (_, i) => i / 7 - 50);
      const params = isResident ? resident({ w }) : { w };
      const each = opt.with({ backend });
      const state = each.init(params, { storage: { z } });
      for (let t = 0; t < 3; t++) each.step(params, { w: params.w.map((x) => 2 * x) }, state);
      const { data, low } = (state.z as { w: StoredTensor }).w;
      const fast = Float32Array.from(data, (bits, i) => fromSplit(bits, low![i]));
      const average = each.evaluationParams(params, state).w;
      assertEquals(average, averageOf(params.w.slice(), fast, 0.9));
      return average;
    })
  );
  for (const each of evaluated) assertEquals(each, evaluated[0]);
});

Deno.test("each parameter is evaluated by its own optimizer", () => {
  for (const backend of BACKENDS) {
    const opt = partition({
      free: scheduleFreeSgd({ learningRate: 0.1, b1: 0.5 }),
      mean: averageParams(adamw({ learningRate: 0.1 }), { decay: 0.75 }),
      slow: lookahead(sgd({ learningRate: 0.1 }), { syncPeriod: 3, slowStepSize: 0.5 }),
      plain: sgd({ learningRate: 0.1 }),
    }, { a: "free", b: "mean", c: "slow", d: "plain" }).with({ backend });
    const params = Object.fromEntries(
      ["a", "b", "c", "d"].map((name) => [name, Float32Array.of(1, -2, 3)]),
    );
    const state = descend(opt, params, 5);
    assertEquals(opt.evaluationParams(params, state), {
      a: averageOf(params.a, tree(state, "z_free").a, 0.5),
      b: tree(state, "average_mean").b,
      c: tree(state, "slow_slow").c,
      d: params.d,
    });
    assert(params.c !== opt.evaluationParams(params, state).c);
  }
});

Deno.test("named chains, masks and accumulation keep what is evaluated", () => {
  const free = () => scheduleFreeSgd({ learningRate: 0.1, b1: 0.5 });
  const cases: [Optimizer, string, boolean][] = [
    [namedChain({ adam: scaleByAdam(), free: free() }), "z_free", true],
    [chain(masked(free(), { a: true, b: false }), sgd({ learningRate: -1 })), "z", false],
    [multiSteps(free(), { everyKSchedule: 2 }), "z", true],
    [scheduleFree(sgd({ learningRate: 0.1 }), { learningRate: 0.1, b1: 0.5 }), "z", true],
  ];
  for (const [opt, z, isWhole] of cases) {
    for (const backend of BACKENDS) {
      const params = { a: Float32Array.of(1, -2, 3), b: Float32Array.of(0.5) };
      const own = opt.with({ backend });
      const state = descend(own, params, 5);
      assertEquals(own.evaluationParams(params, state), {
        a: averageOf(params.a, tree(state, z).a, 0.5),
        b: isWhole ? averageOf(params.b, tree(state, z).b, 0.5) : params.b,
      });
    }
  }
});

Deno.test("an average of an average is the outer one", () => {
  const opt = averageParams(scheduleFreeSgd({ learningRate: 0.1 }), { decay: 0.5 });
  const params = { x: Float32Array.of(2, -1) };
  const state = descend(opt, params, 4);
  assertEquals(opt.evaluationParams(params, state), state.average);
});

Deno.test("a later optimizer evaluates what the one before it gives", () => {
  const made = (name: string, evaluate: string) =>
    optimizer({ name, hyper: { k: 2 }, step: "u = -g", evaluate })();
  const opt = chain(made("doubled", "k*w"), made("raised", "w + 1"), made("plain", "w"));
  assertEquals(opt.program.evaluate, chain(made("a", "k*w + 1")).program.evaluate);
  const params = Float32Array.of(3);
  assertEquals(opt.evaluationParams(params, opt.init(params)), Float32Array.of(7));
});

Deno.test("what is evaluated sees the step that was made, its numbers and its shapes", () => {
  for (const backend of BACKENDS) {
    const opt = optimizer({
      name: "told",
      hyper: { rate: 1, flips: false },
      state: { s: 0, n: { over: "tree" } },
      step: "s = s + rate; n = n + 1; u = 0*g",
      evaluate: "where(flips, -1, 1)*(1000*t + 100*count + 10*rate + n + s + size) + w",
    })({ rate: schedule("count"), flips: { a: true, b: false } }).with({ backend });
    const params = { a: Float32Array.of(0, 0.5), b: Float64Array.of(0) };
    const state = opt.init(params);
    const told = () => {
      const { a, b } = opt.evaluationParams(params, state);
      return [...a, ...b];
    };
    assertEquals(told(), [98, 98.5, -99]);
    for (let t = 0; t < 4; t++) opt.step(params, { a: new Float32Array(2), b: params.b }, state);
    // rate was 3 at the fourth step: s is 0 + 1 + 2 + 3.
    const value = 4000 + 300 + 30 + 4 + 6;
    assertEquals(told(), [-value - 2, -value - 1.5, value + 1]);
  }
});

Deno.test("what is evaluated may reduce over axes, tensors and the tree, and choose by its count", () => {
  for (const backend of BACKENDS) {
    const params = {
      a: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
      b: { data: Float32Array.of(-2, 0), shape: [1, 2] },
    };
    const evaluated = (evaluate: string) => {
      const opt = optimizer({ name: "reduced", step: "u = 0*g", evaluate })().with({ backend });
      const { a, b } = opt.evaluationParams(params, opt.init(params));
      return [[...a.data], [...b.data]];
    };
    assertEquals(evaluated("w - mean(w, axis=0)"), [[-1, -1, 1, 1], [0, 0]]);
    assertEquals(evaluated("w/max(abs(w))"), [[0.25, 0.5, 0.75, 1], [-1, 0]]);
    assertEquals(evaluated("w + globalSum(w)"), [[9, 10, 11, 12], [6, 8]]);
    assertEquals(evaluated("where(t > 0, w, 5)"), [[5, 5, 5, 5], [5, 5]]);
    assertEquals(evaluated("w @ transpose(w) @ w"), [[38, 54, 86, 122], [-8, 0]]);
  }
});

Deno.test("evaluating changes nothing, and resident parameters evaluate to ordinary arrays", () => {
  const opt = scheduleFreeAdamw({ learningRate: 0.1, b1: 0.5 });
  const plain = { x: Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i)) };
  using params = resident(structuredClone(plain));
  const [state, other] = [descend(opt, params, 3), descend(opt, plain, 3)];
  const before = structuredClone({ params: { ...params }, z: state.z, v: state.v });
  const { x } = opt.evaluationParams(params, state);
  assertEquals(x, opt.evaluationParams(plain, other).x);
  assertEquals(x, averageOf(plain.x, tree(other, "z").x, 0.5));
  assertEquals({ params: { ...params }, z: state.z, v: state.v }, before);
  assertEquals(state.count, 3);
  assert(x.buffer !== params.x.buffer && x.length === x.buffer.byteLength / 4);
});

Deno.test("a number that is written holds for what is evaluated, and can make it what it likes", () => {
  const opt = scheduleFreeSgd({ learningRate: 0.5, b1: 0.5 });
  const params = { x: Float32Array.of(1, 0) };
  const state = descend(opt, params, 2);
  state.hyper.b1 = 0.25;
  assertEquals(
    opt.evaluationParams(params, state).x,
    averageOf(params.x, tree(state, "z").x, 0.25),
  );
  state.hyper.b1 = 0;
  const [x, zero] = opt.evaluationParams(params, state).x;
  assert(!Number.isFinite(x) && Number.isNaN(zero));
});

Deno.test("what cannot be evaluated is refused", () => {
  const x = Float32Array.of(1);
  const opt = scheduleFreeSgd();
  const doing = 'Cannot evaluate by "scheduleFreeSgd"';
  const state = opt.init(x);
  const refuse = (run: () => unknown, ...parts: string[]) =>
    assertThrows(run, GradusError, ...parts);
  refuse(
    () => opt.evaluationParams(x, sgd({ learningRate: 1 }).init(x)),
    doing,
    '"scheduleFreeSgd"',
  );
  refuse(() => opt.evaluationParams(x, undefined as never), doing, "given undefined");
  refuse(() => opt.evaluationParams(Float32Array.of(1, 2), state), doing, "state `z`");
  refuse(() => opt.evaluationParams({ x } as never, state), doing);
  const fast = scheduleFreeSgd({ b1: 0 });
  refuse(
    () => fast.evaluationParams(x, fast.init(x)),
    doing,
    "must not be divided by 0: given 0 for `b1`",
  );
});
