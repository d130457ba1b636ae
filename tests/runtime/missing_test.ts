/** Gradients that are missing: such a leaf is as it was, and the others as if it were not there. */
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  lion,
  lookahead,
  masked,
  multiSteps,
  type Optimizer,
  optimizer,
  partition,
  release,
  resident,
  scheduleFreeSgd,
  sgd,
  type State,
  type StoredTensor,
} from "../../mod.ts";
import { elaborate } from "../../dsl/graph.ts";
import { assert, assertEquals } from "../assert.ts";
import { catalogue } from "../export/catalogue.ts";
import { RANDOM, wrapped, zooOptimizers } from "../export/everything.ts";
import { streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";
import { backends } from "./backends.ts";
import { assertSameBits, type Compared } from "./same_bits.ts";

const SKIP = { missing: "skip" } as const;
const KEYS = ["b", "w"] as const;
type Key = typeof KEYS[number];

/** Which leaves have gradients, step by step. */
const PRESENT: readonly (readonly Key[])[] = [["b", "w"], ["b"], ["w"], ["b"], [], ["w"], KEYS];

/** The part of a tree of `b` and `w` that is of `keys`. */
function picked<T extends object>(tree: T, keys: readonly Key[]): T {
  return Object.fromEntries(keys.map((key) => [key, (tree as Record<Key, unknown>)[key]])) as T;
}

/** A state with only `keys` of each tree. */
function stateOf(state: State, keys: readonly Key[]): State {
  const entries = Object.entries(state).map(([name, value]) => {
    const isTree = name !== "hyper" && typeof value === "object" && value !== null;
    return [name, isTree ? picked(value, keys) : value];
  });
  return structuredClone(Object.fromEntries(entries)) as State;
}

/** The further inputs of a step. */
function inputsAt({ program }: Optimizer, t: number, keys: readonly Key[] = KEYS) {
  return Object.fromEntries([...program.inputs].map(([name, kind]) => [
    name,
    kind === "scalar" ? streamValue(t) : picked(streamGradients("float32", t + 1), keys),
  ]));
}

/** Whether a hyperparameter is a tree over the parameters. */
const hasTrees = ({ settings }: Optimizer) =>
  [...settings.values()].some(({ value, mask }) =>
    (typeof value === "object" && KEYS.some((key) => key in (value as object))) ||
    mask !== undefined
  );

for (const [name, make] of Object.entries({ ...zooOptimizers, ...wrapped, ...catalogue })) {
  Deno.test(`${name} leaves what has no gradient as it is, and steps the rest by itself`, () => {
    const compared: Compared = { numbers: 0, finite: 0 };
    for (const backend of backends) {
      const made = make();
      const [opt, other] = [made.with({ backend }), made.with({ backend: "interpreter" })];
      // Random numbers are those of a leaf's place, which others before it are counted in.
      const isByPlace = RANDOM.includes(name);
      const isOfTree = elaborate(opt.program).globals.length > 0;
      const params = streamParams("float32");
      const state = opt.init(params);
      const reference = backend === "interpreter" ? other : opt;
      PRESENT.forEach((keys, t) => {
        const absent = KEYS.filter((key) => !keys.includes(key));
        const before = structuredClone({ params, state: { ...state, hyper: {} } });
        const gradients = streamGradients("float32", t);
        const wanted: { params: object; state: State }[] = [];
        if (keys.length > 0 && !isByPlace && !hasTrees(opt)) {
          const alone = {
            params: structuredClone(picked(before.params, keys)),
            state: stateOf(before.state, keys),
          };
          reference.step(
            alone.params,
            picked(gradients, keys),
            alone.state,
            inputsAt(opt, t, keys),
          );
          wanted.push(alone);
        }
        if (keys.length > 0 && !isOfTree) {
          const whole = structuredClone(before);
          reference.step(whole.params, gradients, whole.state, inputsAt(opt, t));
          wanted.push({
            params: picked(whole.params, keys),
            state: stateOf(whole.state, keys),
          });
        }
        opt.step(params, picked(gradients, keys), state, inputsAt(opt, t, keys), SKIP);
        const now = stateOf(state, keys);
        for (const { params: others, state: { hyper: _, ...rest } } of wanted) {
          assertSameBits(picked(params, keys), others, `${backend} ${t}: params`, compared);
          assertSameBits({ ...now, hyper: {} }, { ...rest, hyper: {} }, `${t}: state`, compared);
        }
        assertSameBits(picked(params, absent), picked(before.params, absent), "params", compared);
        const [left, kept] = [state, before.state].map((each) => stateOf(each, absent));
        for (const name of Object.keys(kept)) {
          if (typeof kept[name] === "object" && name !== "hyper") {
            assertSameBits(left[name], kept[name], `${t}: ${name}`, compared);
          }
        }
        if (keys.length === 0) {
          assertSameBits(
            { ...state, hyper: {} },
            { ...before.state, count: t + 1 },
            "all missing",
            compared,
          );
        }
        assertEquals(state.count, t + 1);
      });
    }
    assert(compared.finite > 20, "too few numbers were compared");
  });
}

const short = (...numbers: number[]): StoredTensor => ({
  data: new Uint16Array(Float32Array.from(numbers).buffer).filter((_, i) => i % 2 === 1),
  shape: [numbers.length],
  dtype: "bfloat16",
});

for (const backend of backends) {
  Deno.test(`an update of a missing gradient is -0, in new arrays (${backend})`, () => {
    const opt = lion({ learningRate: 0.1, muDtype: { dtype: "bfloat16", rounding: "stochastic" } })
      .with({ backend });
    const params = { a: Float32Array.of(1, -0, NaN), b: { c: short(2, -0), d: short(3) } };
    const gradients = () => ({
      a: Float32Array.of(1, 2, 3),
      b: { c: short(4, -4), d: short(5) },
    });
    let stepped = structuredClone(params);
    let state: State = opt.init(params);
    let after: typeof params = params;
    let next: State = opt.init(params);
    const part = [{ ...gradients(), b: null }, { b: { c: gradients().b.c } }, gradients(), null];
    for (const some of part) {
      const before = structuredClone(next);
      const [updates, later] = opt.update<typeof params>(some, next, after, {}, SKIP);
      assertSameBits(next, before, "the state given");
      const was = after;
      [after, next] = [applyUpdates(after, updates), later];
      opt.step<typeof params>(stepped, some, state, {}, SKIP);
      assertSameBits(after, stepped, "params");
      assertSameBits({ ...next }, { ...state }, "state");
      if (some !== null && "a" in some) continue;
      assertEquals(updates.a, Float32Array.of(-0, -0, -0));
      assert(updates.a !== was.a && next.m !== before.m);
    }
    // Not even memory is shared with what was given.
    const [, apart] = opt.update<typeof params>(null, next, after, {}, SKIP);
    const kept = structuredClone(next);
    opt.step(after, gradients() as typeof params, apart);
    assertSameBits(next, kept, "the state before");
    [stepped, state] = [after, apart];
  });

  Deno.test(`a micro-batch counts by the clock of all, also where it is missing (${backend})`, () => {
    const opt = multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 2 }).with({ backend });
    const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
    const state = opt.init(params);
    const of = (a?: number, b?: number) => ({
      ...(a === undefined ? {} : { a: Float32Array.of(a) }),
      ...(b === undefined ? {} : { b: Float32Array.of(b) }),
    });
    opt.step(params, of(2, 2), state, {}, SKIP);
    opt.step(params, of(4), state, {}, SKIP);
    assertEquals(params, { a: Float32Array.of(-3), b: Float32Array.of(0) });
    // A mean begins anew with the others, and what was missing before counts as 0.
    opt.step(params, of(6, 6), state, {}, SKIP);
    opt.step(params, of(6, 6), state, {}, SKIP);
    assertEquals(params, { a: Float32Array.of(-9), b: Float32Array.of(-6) });
    opt.step(params, of(undefined, 6), state, {}, SKIP);
    opt.step(params, of(4, 6), state, {}, SKIP);
    assertEquals(params, { a: Float32Array.of(-11), b: Float32Array.of(-12) });
  });

  Deno.test(`a norm is of the gradients that there are (${backend})`, () => {
    const params = () => ({ a: Float32Array.of(0), b: Float32Array.of(0), c: Float32Array.of(0) });
    const gradients = { a: Float32Array.of(3), b: Float32Array.of(4), c: Float32Array.of(100) };
    const clip = clipByGlobalNorm({ maxNorm: 1 });
    const descent = sgd({ learningRate: 1 });
    const whole = chain(clip, descent).with({ backend });
    const [w, within] = [params(), params()];
    whole.step(w, { ...gradients, c: undefined }, whole.init(w), {}, SKIP);
    assertEquals(w, {
      a: Float32Array.of(-3 / 5),
      b: Float32Array.of(-4 / 5),
      c: Float32Array.of(0),
    });
    // Within a mask only those that are in it, and there.
    const inner = chain(masked(clip, { a: true, b: true, c: false }), descent).with({ backend });
    inner.step(within, { ...gradients, a: null }, inner.init(within), {}, SKIP);
    assertEquals(within, {
      a: Float32Array.of(0),
      b: Float32Array.of(-1),
      c: Float32Array.of(-100),
    });
  });

  Deno.test(`parts go on, each with the gradients it has (${backend})`, () => {
    const opt = partition(
      { fast: sgd({ learningRate: 1 }), slow: lion({ learningRate: 0.5, weightDecay: 0 }) },
      { a: "fast", b: "slow", c: "slow" },
    ).with({ backend });
    const params = { a: Float32Array.of(0), b: Float32Array.of(0), c: Float32Array.of(0) };
    const state = opt.init(params);
    opt.step(params, { b: Float32Array.of(3) }, state, {}, SKIP);
    opt.step(params, { a: Float32Array.of(3), c: Float32Array.of(-3) }, state, {}, SKIP);
    assertEquals(params, {
      a: Float32Array.of(-3),
      b: Float32Array.of(-0.5),
      c: Float32Array.of(0.5),
    });
  });

  Deno.test(`who was not there when slow weights follow keeps its own (${backend})`, () => {
    const opt = lookahead(sgd({ learningRate: 1 }), { syncPeriod: 2, slowStepSize: 0.5 })
      .with({ backend });
    const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
    const state = opt.init(params);
    const one = () => Float32Array.of(1);
    opt.step(params, { a: one(), b: one() }, state, {}, SKIP);
    opt.step(params, { a: one() }, state, {}, SKIP);
    assertEquals(params, { a: Float32Array.of(-1), b: Float32Array.of(-1) });
    opt.step(params, { a: one(), b: one() }, state, {}, SKIP);
    opt.step(params, { a: one(), b: one() }, state, {}, SKIP);
    // a: from -1, -2 and -3, half of the way; b: from 0 at the beginning to -3.
    assertEquals(params, { a: Float32Array.of(-2), b: Float32Array.of(-1.5) });
  });

  Deno.test(`numbers written for some leaves hold where others are missing (${backend})`, () => {
    const opt = sgd({ learningRate: 1 }).with({ backend });
    const params = { a: Float32Array.of(0), b: Float32Array.of(0), c: Float32Array.of(0) };
    const state = opt.init(params);
    const gradients = { a: Float32Array.of(1), c: Float32Array.of(1) };
    opt.step(params, gradients, state, {}, SKIP);
    state.hyper.learningRate = { a: 2, b: 4, c: 8 };
    opt.step(params, gradients, state, {}, SKIP);
    opt.step(params, { b: Float32Array.of(1) }, state, {}, SKIP);
    assertEquals(params, {
      a: Float32Array.of(-3),
      b: Float32Array.of(-4),
      c: Float32Array.of(-9),
    });
  });
}

Deno.test("the same tree with another leaf missing is looked at again", () => {
  const opt = sgd({ learningRate: 1 });
  const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
  const state = opt.init(params);
  const one = Float32Array.of(1);
  const gradients: { a?: Float32Array | null; b?: Float32Array } = { a: one };
  for (let t = 0; t < 3; t++) opt.step(params, gradients, state, {}, SKIP);
  delete gradients.a;
  gradients.b = one;
  for (let t = 0; t < 3; t++) opt.step(params, gradients, state, {}, SKIP);
  assertEquals(params, { a: Float32Array.of(-3), b: Float32Array.of(-3) });
  gradients.a = null;
  opt.step(params, gradients, state, {}, SKIP);
  assertRefused(() => opt.step(params, gradients as typeof params, state), "gradients at `a`");
  gradients.a = one;
  opt.step(params, gradients as typeof params, state);
  assertEquals(params, { a: Float32Array.of(-4), b: Float32Array.of(-5) });
});

Deno.test("resident parameters by several threads keep every bit of what is missing", () => {
  const opt = adamw({ learningRate: 0.1 });
  const make = () => ({
    a: new Float32Array(300_000).fill(1),
    b: [new Float32Array(70_001).fill(2)],
  });
  const [placed, plain] = [resident(make()), make()];
  const [four, one] = [opt.with({ threads: 4 }), opt.with({ threads: 1 })];
  const [ours, theirs] = [four.init(placed), one.init(plain)];
  const sets = [{ a: true }, { b: [true] }, { a: true, b: [true] }, { a: true, b: [null] }];
  sets.forEach(({ a, b }, t) => {
    const gradients = () => ({
      a: a ? new Float32Array(300_000).fill(t - 2) : undefined,
      b: b?.map((is) => is ? new Float32Array(70_001).fill(t + 1) : null),
    });
    four.step<typeof plain>(placed, gradients(), ours, {}, SKIP);
    one.step<typeof plain>(plain, gradients(), theirs, {}, SKIP);
    assertSameBits({ ...placed }, plain, `params after step ${t + 1}`);
    assertSameBits({ ...ours }, { ...theirs }, `state after step ${t + 1}`);
  });
  release(placed);
  release(ours);
});

Deno.test("what is evaluated with is of all parameters, those that were skipped too", () => {
  const opt = scheduleFreeSgd({ learningRate: 1, b1: 0.5 });
  const params = { a: Float32Array.of(4), b: Float32Array.of(4) };
  const state = opt.init(params);
  opt.step(params, { a: Float32Array.of(1) }, state, {}, SKIP);
  opt.step(params, { a: Float32Array.of(1) }, state, {}, SKIP);
  assertEquals(opt.evaluationParams(params, state), {
    a: Float32Array.of(2.5),
    b: Float32Array.of(4),
  });
});

Deno.test("inputs that are trees may miss what has no gradient, and nothing else", () => {
  const opt = optimizer({
    name: "aimed",
    inputs: { aim: "element" },
    step: "u = aim - g",
  })();
  const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
  const state = opt.init(params);
  const one = () => Float32Array.of(1);
  opt.step(params, { a: one() }, state, { aim: { a: Float32Array.of(3) } }, SKIP);
  opt.step(params, { a: one() }, state, { aim: { a: Float32Array.of(3), b: one() } }, SKIP);
  assertEquals(params, { a: Float32Array.of(4), b: Float32Array.of(0) });
  assertRefusedUnchanged(
    () => opt.step(params, { a: one(), b: one() }, state, { aim: { a: one() } }, SKIP),
    [params, state],
    "input `aim` at `b` must be given, since there is a gradient",
  );
});

Deno.test("a gradient that is missing is refused by name, with the way out", () => {
  const opt = sgd({ learningRate: 1, momentum: 0.5 });
  const params = { a: Float32Array.of(0), b: { c: Float32Array.of(0) } };
  const state = opt.init(params);
  const a = Float32Array.of(1);
  const WAY = '`{ missing: "skip" }` leaves parameters without gradients as they are';
  const cases: readonly [unknown, string][] = [
    [{ a }, "`b` is missing"],
    [{ a, b: null }, "gradients at `b` must have the parameters' structure"],
    [{ a, b: {} }, "`b/c` is missing"],
    [{ a, b: { c: undefined } }, "gradients at `b/c` must be an array as the parameter is"],
    [null, "gradients at the root"],
  ];
  for (const [gradients, what] of cases) {
    for (const options of [undefined, {}, { missing: "error" } as const]) {
      assertRefusedUnchanged(
        () => opt.step(params, gradients as typeof params, state, {}, options!),
        [params, state],
        ...[what, WAY],
      );
    }
    opt.step(params, gradients as typeof params, state, {}, SKIP);
  }
  assertEquals(state.count, cases.length);
});

Deno.test("what is there must still fit", () => {
  const opt = sgd({ learningRate: 1 });
  const params = { a: Float32Array.of(0), b: [Float32Array.of(0), Float32Array.of(0)] };
  const state = opt.init(params);
  const refused = (gradients: unknown, ...parts: string[]) =>
    assertRefusedUnchanged(
      () => opt.step(params, gradients as typeof params, state, {}, SKIP),
      [params, state],
      ...parts,
    );
  refused({ c: Float32Array.of(1) }, "there is no parameter `c`");
  refused({ c: null }, "there is no parameter `c`");
  refused({ a: Float32Array.of(1, 2) }, "gradients at `a` must have shape [1]", "given [2]");
  refused({ a: Float64Array.of(1) }, "gradients at `a` must be float32");
  refused({ a: 3 }, "`a`");
  refused({ a: {} }, "`a`", "or missing");
  refused({ b: { 0: Float32Array.of(1) } }, "gradients at `b`", "an array of 2");
  refused({ b: [null, null, null] }, "there is no parameter `b/2`");
  refused(3, "gradients at the root");
  // deno-lint-ignore no-sparse-arrays
  opt.step(params, { b: [, Float32Array.of(1)] } as unknown as typeof params, state, {}, SKIP);
  opt.step(params, { b: [Float32Array.of(2)] } as unknown as typeof params, state, {}, SKIP);
  assertEquals(params, { a: Float32Array.of(0), b: [Float32Array.of(-2), Float32Array.of(-1)] });
});

Deno.test("options of a step are refused where they mean nothing", () => {
  const opt = sgd({ learningRate: 1 });
  const params = { a: Float32Array.of(0) };
  const state = opt.init(params);
  const refused = (options: unknown, ...parts: string[]) =>
    assertRefused(() => opt.step(params, params, state, {}, options as typeof SKIP), ...parts);
  refused({ missing: "skp" }, '`missing` must be "error" or "skip"', '"skp"');
  refused({ mising: "skip" }, "it has no option", "mising", "missing");
  refused("skip", "its options must be an object");
  assertRefused(
    () => opt.update(null, state, undefined as never, {}, SKIP),
    "gradients may be missing",
    "must be given as third argument",
  );
});

Deno.test("sets of missing leaves that were seen before compile nothing", () => {
  // One that no other test has compiled.
  const opt = optimizer({
    name: "counted",
    state: { m: 0 },
    step: "m = 0.8125*m + g/globalNorm(g)\nu = -0.3*m",
  })();
  const leaves = Array.from({ length: 8 }, (_, i) => Float32Array.of(i));
  const state = opt.init(leaves);
  const compile = WebAssembly.Module;
  let modules = 0;
  WebAssembly.Module = new Proxy(compile, {
    construct: (target, given, made) => (modules++, Reflect.construct(target, given, made)),
  });
  try {
    const round = () => {
      modules = 0;
      for (let k = 0; k < leaves.length; k++) {
        const gradients = leaves.map((leaf, i) => i === k ? null : leaf.slice());
        opt.step<typeof leaves>(leaves, gradients, state, {}, SKIP);
      }
      return modules;
    };
    const first = round();
    assert(first > 0 && first < 8, `${first} modules were compiled`);
    assertEquals(round(), 0);
  } finally {
    WebAssembly.Module = compile;
  }
});
