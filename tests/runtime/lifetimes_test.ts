/** What callbacks, getters and other hands do to a step while it is made: it throws, or changes nothing. */
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  explain,
  GradusError,
  lion,
  masked,
  multiSteps,
  optimizer,
  partition,
  release,
  resident,
  sgd,
  type State,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { contents } from "../refused.ts";

const start = () => ({ a: Float32Array.of(1, 2, 3), b: Float32Array.of(4) });
const slopes = () => ({ a: Float32Array.of(1, 1, 1), b: Float32Array.of(1) });

Deno.test("a step that throws has changed nothing, whatever it is that cannot be written", () => {
  const opt = multiSteps(adamw({ learningRate: () => 0.1 }), { everyKSchedule: 2 });
  const spoilt: Record<string, (state: State) => State> = {
    "a sealed hyper": (state) => ({ ...state, hyper: Object.seal({}) }),
    "a frozen hyper": (state) => (Object.freeze(state.hyper), state),
    "a count that can only be read": (state) =>
      Object.defineProperty({ ...state }, "count", { get: () => 0, enumerable: true }),
    "a frozen state": (state) => Object.freeze(state),
    "a number of the tree that cannot be written": (state) =>
      Object.defineProperty({ ...state }, "miniStep", { value: 0, writable: false }),
  };
  for (const [what, spoil] of Object.entries(spoilt)) {
    const params = start();
    const state = spoil(opt.init(params));
    const before = contents([params, state]);
    assertThrows(() => opt.step(params, slopes(), state), GradusError, "must not be frozen");
    assertEquals(contents([params, state]), before, what);
  }
});

Deno.test("a schedule that throws, or gives back memory, leaves all as it was", () => {
  const params = resident(start());
  let act = () => {};
  const opt = sgd({ learningRate: () => (act(), 0.5), momentum: 0.9 });
  const state = opt.init(params);
  opt.step(params, slopes(), state);
  const other = resident({ x: new Float32Array(1000) });
  const before = contents([params, state]);
  act = () => {
    throw new RangeError("no rate today");
  };
  assertThrows(() => opt.step(params, slopes(), state), RangeError, "no rate today");
  assertEquals(contents([params, state]), before);
  let taken: { y: Float32Array } | undefined;
  act = () => {
    release(params);
    taken ??= resident({ y: new Float32Array(4) });
  };
  assertThrows(() => opt.step(params, slopes(), state), GradusError, "given back by `release`");
  assertEquals([...taken!.y, ...other.x].every((x) => x === 0), true, "others were written");
  release([state, taken!, other]);
});

Deno.test("a getter that gives back memory while trees are read is refused", () => {
  const params = resident(start());
  const opt = sgd({ learningRate: 1, momentum: 0.5 });
  const state = opt.init(params);
  const gradients = {
    get a() {
      release(params);
      return Float32Array.of(1, 1, 1);
    },
    b: Float32Array.of(1),
  };
  assertThrows(() => opt.step(params, gradients, state), GradusError, "`release`");
  release(state);
});

Deno.test("a tree whose keys change while it is read is refused", () => {
  const opt = adamw({ learningRate: 0.1 });
  const params = { a: Float32Array.of(1), b: Float32Array.of(2) };
  const state = opt.init(params);
  let asked = 0;
  const gradients = new Proxy({ ...params, c: params.a }, {
    ownKeys: () => asked++ === 0 ? ["a", "b"] : ["b", "c"],
  });
  assertThrows(
    () => opt.step(params, gradients, state),
    GradusError,
    "its keys must stay while it is read: given the new `c`",
  );
  assertEquals([params.a[0], state.count], [1, 0]);
});

Deno.test("an array that was transferred is told by its own place", () => {
  const opt = sgd({ learningRate: 1, momentum: 0.5 });
  const params = start();
  const state = opt.init(params);
  opt.step(params, slopes(), state);
  structuredClone(params.a.buffer, { transfer: [params.a.buffer] });
  assertThrows(
    () => opt.step(params, slopes(), state),
    GradusError,
    "the array at `a` must not have been transferred",
  );
  const fresh = start();
  const gone = { data: Float32Array.of(1, 1, 1), shape: [3] };
  structuredClone(gone.data.buffer, { transfer: [gone.data.buffer] });
  assertThrows(
    () => opt.step(fresh, { ...slopes(), a: gone } as never, opt.init(fresh)),
    GradusError,
    "reading gradients: the array at `a` must not have been transferred",
  );
});

Deno.test("empty trees step to empty trees", () => {
  for (
    const opt of [
      sgd({ learningRate: 1 }),
      adamw({ learningRate: 0.1 }),
      masked(sgd({ learningRate: 1 }), {}),
      chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1 })),
      multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 2 }),
      partition({ a: sgd({ learningRate: 1 }), b: lion({ learningRate: 1 }) }, {}),
    ]
  ) {
    for (const empty of [{}, [], { a: {}, b: [] }]) {
      if (opt.program.name.startsWith("partition") && "a" in empty) continue;
      if (opt.program.name.startsWith("masked") && "a" in empty) continue;
      if (Array.isArray(empty) && /masked|partition/.test(opt.program.name)) continue;
      const state = opt.init(empty);
      opt.step(empty, empty, state);
      const [updates, next] = opt.update(empty, state, empty);
      assertEquals([updates, applyUpdates(empty, updates)], [empty, empty], opt.program.name);
      assertEquals([state.count, next.count], [1, 2]);
    }
  }
});

Deno.test("guards keep no state alive that is only handed on", () => {
  const square = { w: { data: new Float32Array(4), shape: [2, 2] } };
  const kept = (opt: Parameters<typeof explain>[0]) => explain(opt, square).stateBytes;
  assertEquals(kept(multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 2 })), 4);
  assertEquals(kept(multiSteps(adamw({ learningRate: 1 }), { everyKSchedule: 2 })), 12);
  const opt = multiSteps(sgd({ learningRate: 1, momentum: 0.9 }), { everyKSchedule: 2 });
  assertEquals(kept(opt), 8);
});

Deno.test("a state of another program of the same name is refused", () => {
  const [one, other] = ["u = -g + 0*m", "u = -2*g + 0*m"].map((u) =>
    optimizer({ name: "same", state: { m: 0 }, step: `m = m + g\n${u}` })()
  );
  const params = Float32Array.of(1);
  const state = one.init(params);
  assertThrows(
    () => other.step(params, Float32Array.of(1), state),
    GradusError,
    'the state must be one of "same": given one of another program of that name',
  );
  assertThrows(
    () => one.step(params, Float32Array.of(1), { ...state, optimizer: "same" }),
    GradusError,
    "given one without a hash of its program, as version 0.1 made them",
    "call `init` and copy `count`, `m` over",
  );
  one.step(params, Float32Array.of(1), structuredClone(state));
  assertEquals(params, Float32Array.of(0));
  assert(sgd({ learningRate: 1 }).init(params).optimizer.startsWith("sgd "));
});

Deno.test("as many states as a program may have step on every backend", () => {
  for (const count of [62, 63, 128, 250]) {
    const names = Array.from({ length: count }, (_, i) => `s${i}`);
    const opt = optimizer({
      name: "many",
      state: Object.fromEntries(names.map((name) => [name, 0])),
      step: [
        ...names.map((name, i) => `${name} = ${name} + ${i + 1}*g`),
        `u = -${names.join(" - ")}`,
      ]
        .join("\n"),
    })();
    const sum = count * (count + 1) / 2;
    for (const make of [(x: Float32Array) => x, (x: Float32Array) => resident({ x }).x]) {
      for (const Kind of [Float32Array, Float64Array]) {
        const params = make(new Kind(5) as Float32Array);
        const state = opt.init(params);
        opt.step(params, new Kind(5).fill(1) as Float32Array, state);
        assertEquals([...params], new Array(5).fill(-sum));
      }
    }
  }
});

Deno.test("the further bits of a state are looked at as its other arrays are", () => {
  const muDtype = { dtype: "bfloat16+8", rounding: "stochastic" } as const;
  const opt = lion({ learningRate: 0.1, muDtype });
  const changes: Record<string, (m: Split) => void> = {
    "transferred": (m) => structuredClone(m.low, { transfer: [m.low.buffer] }),
    "must have `low`": (m) => m.low = m.low.slice(1),
    "must hold a Float32Array": (m) => Object.assign(m, { dtype: "bfloat8" }),
    "must be a finite number": (m) => m.seed = NaN,
    'must be "nearest" or "stochastic"': (m) => Object.assign(m, { rounding: "up" }),
  };
  for (const [message, change] of Object.entries(changes)) {
    const params = start();
    const gradients = slopes();
    const state = opt.init(params);
    for (let t = 0; t < 3; t++) opt.step(params, gradients, state);
    change((state.m as unknown as { a: Split }).a);
    const before = params.a.slice();
    assertThrows(() => opt.step(params, gradients, state), GradusError, message);
    assertEquals(params.a, before);
  }
  const params = resident(start());
  const state = opt.init(params) as State & Disposable;
  opt.step(params, slopes(), state);
  release((state.m as { a: Split }).a.low as never);
  assertThrows(() => opt.step(params, slopes(), state), GradusError, "given back by `release`");
  release(state);
  release(params);
});

interface Split {
  low: Uint8Array<ArrayBuffer>;
  seed: number;
}

Deno.test("a run of version 0.1 goes on when its count and states are copied over", () => {
  const opt = lion({ learningRate: 0.25, b1: 0.5, weightDecay: 0 });
  const [params, unbroken] = [Float32Array.of(1, -1), Float32Array.of(1, -1)];
  const state = opt.init(unbroken);
  const gradients = [[3, -1], [-1, -2], [2, 1]].map((numbers) => Float32Array.from(numbers));
  opt.step(unbroken, gradients[0], state);
  opt.step(params, gradients[0], opt.init(params));
  // It had the name alone, and hyperparameters that no schedule made.
  const hyper = { learningRate: 0.25, b1: 0.5, b2: 0.99, weightDecay: 0 };
  const old = { optimizer: "lion", count: 1, hyper, m: structuredClone(state.m) };
  assertThrows(
    () => opt.step(params, gradients[1], old),
    GradusError,
    'the state must be one of "lion"',
    "to go on from it, call `init` and copy `count`, `m` over",
  );
  const { count, m } = old;
  const next = Object.assign(opt.init(params), { count, m });
  for (const gradient of gradients.slice(1)) {
    opt.step(unbroken, gradient, state);
    opt.step(params, gradient, next);
  }
  assertEquals(params, unbroken);
  assertEquals(next.m, state.m);
});
