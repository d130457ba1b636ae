import fc from "fast-check";
import {
  applyUpdates,
  type Backend,
  factory,
  type Optimizer,
  parseProgram,
  type State,
  type StorageType,
  type StoredTensor,
} from "../../mod.ts";
import { load } from "../../runtime/trees/dtype.ts";
import { assert, assertEquals } from "../assert.ts";
import { copied } from "../copied.ts";
import { anyProgram, exactProgram, type Generated } from "../dsl/generate.ts";
import { backends } from "./backends.ts";
import { assertSameBits, type Compared } from "./same_bits.ts";
import { arraysOf, inputsOf, optionsOf, type Scenario, scenarios } from "./scenario.ts";

const STEPS = 3;
const RANKS = [0, 1, 2, 3];

/** Holds `law` in `count` scenarios, always the same. */
function forScenarios(
  program: (options: { rank: number }) => fc.Arbitrary<Generated>,
  count: number,
  isLarge: boolean,
  law: (scenario: Scenario) => void,
): void {
  const all = fc.oneof(...RANKS.map((rank) => scenarios(program({ rank }), rank, isLarge)));
  fc.assert(fc.property(all, law), {
    numRuns: count,
    seed: 3,
    includeErrorInReport: true,
    // To shrink large arrays would take minutes.
    endOnFailure: isLarge,
  });
}

function optimizerOf(scenario: Scenario): Optimizer {
  return factory(parseProgram(scenario.generated.document))(optionsOf(scenario));
}

/** Every tree that some steps make, by both ways of stepping. */
function trajectory(opt: Optimizer, scenario: Scenario): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  let params = arraysOf(scenario, 0);
  let state: State = opt.init(params);
  const stepped = copied(params);
  const own = opt.init(stepped);
  made["the first state"] = copied(state);
  for (let step = 1; step <= STEPS; step++) {
    const gradients = arraysOf(scenario, step);
    const inputs = inputsOf(scenario, step);
    const [updates, next] = opt.update(gradients, state, params, inputs);
    made[`update ${step}`] = updates;
    made[`the state after update ${step}`] = copied(next);
    params = applyUpdates(params, updates);
    state = next;
    opt.step(stepped, gradients, own, inputs);
    made[`the parameters after step ${step}`] = copied(stepped);
    made[`the state after step ${step}`] = copied(own);
  }
  return made;
}

/** Holds what each of some backends makes against what the interpreter does, which runs once for all. */
function assertSameTrajectories(
  backends: readonly Backend[],
  compared: Compared,
  isSame?: (a: number, b: number) => boolean,
): (scenario: Scenario) => void {
  return (scenario) => {
    const opt = optimizerOf(scenario);
    const expected = trajectory(opt.with({ backend: "interpreter" }), scenario);
    for (const backend of backends) {
      const actual = trajectory(opt.with({ backend }), scenario);
      assertSameBits(actual, expected, `"${backend}"`, compared, isSame);
    }
  };
}

// Bits that are all NaN would be the same whatever was computed.
function assertTelling({ numbers, finite }: Compared): void {
  assert(finite > numbers / 3, `only ${finite} of ${numbers} numbers were finite`);
}

const kernels = backends.filter((backend) => backend !== "interpreter");

Deno.test("every backend makes every bit of exact programs as the interpreter does", () => {
  const compared: Compared = { numbers: 0, finite: 0 };
  forScenarios(exactProgram, 600, false, assertSameTrajectories(kernels, compared));
  assertTelling(compared);
});

Deno.test("every backend runs exact programs on large arrays as the interpreter does", () => {
  const compared: Compared = { numbers: 0, finite: 0 };
  forScenarios(exactProgram, 24, true, assertSameTrajectories(kernels, compared));
  assertTelling(compared);
});

Deno.test("every backend makes every bit of programs that draw random numbers", () => {
  const compared: Compared = { numbers: 0, finite: 0 };
  const program = (options: { rank: number }) => exactProgram({ ...options, draws: true });
  forScenarios(program, 200, false, assertSameTrajectories(kernels, compared));
  forScenarios(program, 10, true, assertSameTrajectories(kernels, compared));
  assertTelling(compared);
});

Deno.test('"js" runs programs of every op as the interpreter does, since both use Math', () => {
  const compared: Compared = { numbers: 0, finite: 0 };
  forScenarios(anyProgram, 200, false, assertSameTrajectories(["js"], compared));
  assertTelling(compared);
});

Deno.test('"wasm" runs programs of every op and makes trees of the right structure', () => {
  // Its routines differ by some ulps, from which whole programs may come to anything.
  const compared: Compared = { numbers: 0, finite: 0 };
  forScenarios(anyProgram, 200, false, assertSameTrajectories(["wasm"], compared, () => true));
  assertTelling(compared);
});

Deno.test("a condition known beforehand joins one that is not", () => {
  const step =
    "u = where(p & (g > 0), 1, 0) + where(!p | (g > 1), 4, 2) + where(p | (g > 9), 8, 0)";
  const joined = factory(parseProgram({ name: "joined", hyper: { p: true }, step }));
  const g = Float32Array.of(-1, 0, 1, 2, 3);
  for (const [p, expected] of [[true, [10, 10, 11, 13, 13]], [false, [4, 4, 4, 4, 4]]] as const) {
    const opt = joined({ p }).with({ backend: "interpreter" });
    assertEquals(opt.update(g, opt.init(g))[0], Float32Array.from(expected));
  }
});

Deno.test("a short state of a float64 parameter is written without being read", () => {
  const program = parseProgram({ name: "written", state: { m: 0 }, step: "m = 2*g; u = g" });
  for (const muDtype of ["float32", "bfloat16", "float16"]) {
    const opt = factory(program)({ muDtype }).with({ backend: "interpreter" });
    const g = Float64Array.of(1, 2, 3, -4, 0.5);
    const { data } = opt.update(g, opt.init(g))[1].m as StoredTensor;
    const values = Array.from(data, (_, i) => load(muDtype as StorageType, data, i));
    assertEquals(values, [2, 4, 6, -8, 1]);
  }
});

Deno.test("a step adds what an update gives, and leaves the same state", () => {
  // A parameter to which nothing is added keeps -0, to which 0 may be added.
  const isSame = (a: number, b: number) => a === b || Number.isNaN(a) && Number.isNaN(b);
  forScenarios(exactProgram, 200, false, (scenario) => {
    const opt = optimizerOf(scenario).with({ backend: "interpreter" });
    const params = arraysOf(scenario, 0);
    const gradients = arraysOf(scenario, 1);
    const inputs = inputsOf(scenario, 1);
    const [state, own] = [opt.init(params), opt.init(params)];
    const [updates, next] = opt.update(gradients, state, params, inputs);
    const expected = applyUpdates(params, updates);
    opt.step(params, gradients, own, inputs);
    assertSameBits(params, expected, "the parameters", undefined, isSame);
    assertSameBits(copied(own), copied(next), "the state");
  });
});
