import fc from "fast-check";
import { factory, type Program } from "../../../mod.ts";
import { GradusError, parseProgram, printProgram } from "../../../mod.ts";
import { formOf } from "../../../dsl/rewrite/form.ts";
import { programOf } from "../../../dsl/rewrite/layout.ts";
import { simplify, type SimplifyOptions } from "../../../dsl/rewrite/simplify_program.ts";
import * as zoo from "../../../zoo/mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { assertSameBits } from "../../runtime/same_bits.ts";
import { arraysOf, inputsOf, optionsOf, type Scenario, scenarios } from "../../runtime/scenario.ts";
import { exactProgram } from "../generate.ts";

const PROGRAMS = Object.entries(zoo as Record<string, unknown>).flatMap(([name, each]) =>
  typeof each === "function" && "program" in each ? [[name, each.program as Program] as const] : []
);

/** A program with hyperparameters `learningRate`, `k` and `on`, and states `m` and `v`. */
function programWith(step: string, state: Record<string, number | string> = { m: 0, v: 0 }) {
  const hyper = { learningRate: "required", k: 2, b1: 0.9, on: true } as const;
  return parseProgram({ name: "given", hyper, state, step });
}

/** The statements, states and rules of a simplified program. */
function simple(program: Program, options: SimplifyOptions = {}) {
  const { program: made, trace } = simplify(program, options);
  return {
    step: printProgram(made).step.split("\n"),
    state: [...made.state.keys()],
    rules: trace.filter(({ rule }) => !rule.startsWith("a hyperparameter")).map(({ rule }) => rule),
  };
}

/** Updates of some steps, with the options that the program still has. */
function updatesOf(program: Program, scenario: Scenario): unknown[] {
  // What a state is stored as, and what it is masked by, goes with its name.
  const { muDtype: _, mask: __, ...options } = optionsOf(scenario) as Record<string, unknown>;
  const own = Object.entries(options).filter(([name]) => program.hyper.has(name));
  const opt = factory(program)(Object.fromEntries(own)).with({ backend: "interpreter" });
  const params = arraysOf(scenario, 0);
  let state = opt.init(params);
  return [1, 2, 3, 4].map((step) => {
    const inputs = inputsOf(scenario, step);
    const [updates, next] = opt.update(arraysOf(scenario, step), state, params, inputs);
    state = next;
    return updates;
  });
}

function assertSameUpdates(
  scenario: Scenario,
  change: (program: Program) => Program,
): void {
  const program = parseProgram(scenario.generated.document);
  assertSameBits(updatesOf(change(program), scenario), updatesOf(program, scenario), "updates");
}

const anyScenario = fc.oneof(
  ...[0, 1, 2, 3].map((rank) => scenarios(exactProgram({ rank }), rank)),
);
const settings = { numRuns: 400, seed: 12, includeErrorInReport: true } as const;

Deno.test("a program that is laid out anew makes the same bits", () => {
  fc.assert(
    fc.property(
      anyScenario,
      (scenario) => assertSameUpdates(scenario, (program) => programOf(formOf(program))),
    ),
    settings,
  );
});

Deno.test("an exactly simplified program makes the same bits", () => {
  fc.assert(
    fc.property(
      anyScenario,
      (scenario) => assertSameUpdates(scenario, (program) => simplify(program).program),
    ),
    settings,
  );
});

Deno.test("a wrong rule would be seen in the bits", () => {
  const rules = [
    { name: "wrong", from: "max(x, y)", to: "where(x > y, x, y)", kind: "exact" as const },
    { name: "wrong", from: "abs(x)", to: "sqrt(x^2)", kind: "exact" as const },
  ];
  const law = fc.property(
    anyScenario,
    (scenario) => assertSameUpdates(scenario, (program) => simplify(program, { rules }).program),
  );
  assert(fc.check(law, { ...settings, endOnFailure: true }).failed);
});

Deno.test("what is simple stays as it is", () => {
  fc.assert(
    fc.property(exactProgram(), ({ document }) => {
      for (const allow of ["exact", "relaxed"] as const) {
        const once = simplify(parseProgram(document), { allow });
        assert(once.trace.length < 500, `${once.trace.length} steps`);
        const twice = simplify(once.program, { allow });
        assertEquals(twice.trace, []);
        assert(twice.program === once.program);
      }
    }),
    { ...settings, numRuns: 100 },
  );
});

Deno.test("the library's own optimizers keep their states that reach the update", () => {
  for (const [name, program] of PROGRAMS) {
    const { program: made, trace } = simplify(program);
    const isDead = (state: string) =>
      trace.some(({ place, rule }) => place === state && rule.startsWith("a state"));
    for (const state of program.state.keys()) {
      assert(made.state.has(state) !== isDead(state), `${name}: ${state}`);
    }
  }
  const { lion, adamw, sgd } = zoo;
  for (const { program } of [lion, adamw, sgd]) assertEquals(simplify(program).trace, []);
});

Deno.test("a state that is overwritten before it is read is dead across steps", () => {
  assertEquals(simple(programWith("m = 0.9*v + g\nv = m\nu = -m\nm = cosh(u)")), {
    step: ["v = 0.9*v + g", "u = -v"],
    state: ["v"],
    rules: ["a state that is overwritten before it is read"],
  });
});

Deno.test("states that only feed one another are dead", () => {
  assertEquals(simple(programWith("m = 0.9*m + v\nv = 0.9*v + m\nu = -g")), {
    step: ["u = -g"],
    state: [],
    rules: ["a state that never reaches the update", "a state that never reaches the update"],
  });
});

Deno.test("a state that is a result of its own is kept when asked", () => {
  const program = programWith("m = 0.9*m + w\nv = v + 1\nu = -g");
  assertEquals(simple(program, { keep: ["m"] }).state, ["m"]);
});

Deno.test("states that always agree become one, however they are written", () => {
  const step = "m = k*m + g\nv = g + v*k\nu = -(m + v)";
  assertEquals(simple(programWith(step)).step, ["m = k*m + g", "u = -2*m"]);
  assertEquals(simple(programWith(step, { m: 0, v: 1 })).state, ["m", "v"]);
  // They agree only as long as both do: each is computed from the other.
  const crossed = "a = k*m + g\nm = k*v + g\nv = a\nu = -(m + v)";
  assertEquals(simple(programWith(crossed)).state, ["m"]);
});

Deno.test("a state that stays what it is becomes a number where real numbers are meant", () => {
  const program = programWith("u = -(m*g)", { m: 3 });
  assertEquals(simple(program).state, ["m"]);
  assertEquals(simple(program, { allow: "relaxed" }).step, ["u = -3*g"]);
});

Deno.test("states that change places do so", () => {
  const step = "a = m\nm = v\nv = a\nu = -(m - 2*v) + g";
  const { program } = simplify(programWith(step, { m: 1, v: 2 }));
  const opt = factory(program)({}).with({ backend: "interpreter" });
  let state = opt.init(Float32Array.of(0));
  const updates = [1, 2, 3].map(() => {
    const [update, next] = opt.update(Float32Array.of(0), state, Float32Array.of(0));
    state = next;
    return update[0];
  });
  assertEquals(updates, [0, 3, 0]);
});

Deno.test("constants are folded unless that makes them longer", () => {
  assertEquals(simple(programWith("u = 2*3*g", {})).step, ["u = 6*g"]);
  assertEquals(simple(programWith("u = (1 - 0.9)*g", {})).step, ["u = (1 - 0.9)*g"]);
});

Deno.test("a value that is needed twice gets a name, and a local that is not needed loses it", () => {
  const twice = "u = -(sqrt(g^2 + k*w^2)*w + g/sqrt(g^2 + k*w^2))";
  assertEquals(simple(programWith(twice, {})), {
    step: ["x = sqrt(g^2 + k*w^2)", "u = -(x*w + g/x)"],
    state: [],
    rules: ["a value that is needed twice gets a name"],
  });
  assertEquals(simple(programWith("a = sign(g)\nb = a + k\nu = -b", {})).step, [
    "u = -(sign(g) + k)",
  ]);
});

Deno.test("relaxed rules rest on what is known of hyperparameters", () => {
  const program = programWith("u = sign(k*g) + sign(learningRate*w)", {});
  const relaxed = { allow: "relaxed" } as const;
  assertEquals(simple(program, relaxed).step, ["u = sign(k*g) + sign(w)"]);
  assertEquals(simple(program, { ...relaxed, facts: ["k > 0"] }).step, [
    "u = sign(g) + sign(learningRate*w)",
  ]);
  assertEquals(simple(program, { ...relaxed, facts: ["k < 0"] }).step, [
    "u = sign(learningRate*w) - sign(g)",
  ]);
  assertEquals(simple(program).step, ["u = sign(k*g) + sign(learningRate*w)"]);
  assertThrows(
    () => simplify(program, { ...relaxed, facts: ["k"] }),
    GradusError,
    "Cannot read a fact",
    'given "k"',
  );
});

Deno.test("every step of a trace says what stood where, and what stands there now", () => {
  const { trace } = simplify(programWith("m = m*k + g\nq = m*m\nu = -(m/sqrt(q))\nv = q"), {
    allow: "relaxed",
  });
  assertEquals(trace.map((step) => Object.values(step).join(" | ")), [
    "a state that is overwritten before it is read | exact | v | v = m*m | ",
    "slow factors first | exact | m | m = m*k + g | m = k*m + g",
    "a square | exact | q | q = m*m | q = m^2",
    "root of a square | relaxed | u | u = -(m/sqrt(q)) | u = -(m/abs(m))",
    "a value by its magnitude | relaxed | u | u = -(m/abs(m)) | u = -sign(m)",
    "a hyperparameter that nothing reads | exact | learningRate | learningRate | ",
    "a hyperparameter that nothing reads | exact | b1 | b1 | ",
    "a hyperparameter that nothing reads | exact | on | on | ",
  ]);
});
