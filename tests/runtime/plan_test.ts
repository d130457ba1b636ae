/** Plans: what loops write and keep, and that what does not change is not touched. */
import { optimizer, sgd } from "../../mod.ts";
import { elaborate } from "../../dsl/graph.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { globalLevels, type Mode, plan } from "../../runtime/plan/plan.ts";
import { fromBfloat16, toBfloat16 } from "../../runtime/trees/dtype.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

/** What each loop of each phase writes and keeps, as text. */
function planned(step: string, state: Record<string, number>, mode: Mode): string[][] {
  const { program } = optimizer({ name: "planned", state, step })();
  const graph = elaborate(program);
  const live = new Set(Object.keys(state));
  const { phases } = plan(program, graph, live, globalLevels(graph), mode, 2);
  return phases.map((phase) =>
    phase.map(({ outputs, kept }) =>
      `writes ${outputs.map(({ target }) => target === "" ? "w" : target).join()}; ` +
      `keeps ${kept.map(sketchExpression).join()}`
    )
  );
}

Deno.test("a step writes what changes, and an update all", () => {
  assertEquals(planned("u = 0\nm = 0.5*m", { m: 0 }, "step"), [["writes m; keeps "]]);
  assertEquals(planned("u = -g\nm = m", { m: 0 }, "step"), [["writes w; keeps "]]);
  assertEquals(planned("u = 0\nm = m", { m: 0 }, "update"), [["writes w,m; keeps "]]);
});

Deno.test("a loop keeps what another reads, and nothing else", () => {
  const rows = planned("s = sqrt(mean(g^2, axis=1) + 1)\nu = -g/s + g*g", {}, "step");
  assertEquals(rows, [
    ["writes ; keeps "],
    ["writes ; keeps sqrt(mean(…, axis=1) + 1)", "writes w; keeps "],
  ]);
});

Deno.test("a result is written as soon as nothing later reads what it overwrites", () => {
  const of = (step: string) => planned(step, { m: 0 }, "step").map((phase) => phase.at(-1)!);
  // In the loop that reduces, which is there anyway.
  assertEquals(of("u = -g\nm = max(abs(g))"), ["writes w; keeps ", "writes m; keeps "]);
  assertEquals(of("u = -g*globalNorm(g)\nm = m + g"), ["writes m; keeps ", "writes w; keeps "]);
  // Not while something is still to be made of it.
  assertEquals(of("m = m + g\nu = -m*globalNorm(g)"), [
    "writes ; keeps ",
    "writes w,m; keeps ",
  ]);
  assertEquals(of("u = -g*globalNorm(w)\nm = m + w*globalNorm(g)"), [
    "writes ; keeps ",
    "writes w,m; keeps ",
  ]);
  // An update is written to new arrays.
  assertEquals(planned("m = m + g\nu = -m*globalNorm(g)", { m: 0 }, "update"), [
    ["writes m; keeps "],
    ["writes w; keeps "],
  ]);
});

Deno.test("a reduction over the tree that nobody reads is not accumulated", () => {
  const { program } = optimizer({ name: "clipped", step: "u = -g/globalNorm(g)" })();
  const graph = elaborate(program);
  const globals = (needed: ReadonlySet<number>) =>
    plan(program, graph, new Set(), globalLevels(graph), "step", 1, needed).phases.flat()
      .flatMap(({ accumulations }) => accumulations.map(({ into }) => into));
  assertEquals(globals(new Set([0])), [{ global: 0 }]);
  assertEquals(globals(new Set()), []);
});

for (const backend of BACKENDS) {
  Deno.test(`an update that is 0 for good changes no bit of a parameter, -0 included (${backend})`, () => {
    for (const opt of [sgd({ learningRate: 0 }), optimizer({ name: "none", step: "u = 0" })()]) {
      for (const given of [[-0, 0, 1.5, -Infinity], [-0, 0, 1, -1, 2, -0, 3]]) {
        const w = Float32Array.from(given);
        const on = opt.with({ backend });
        on.step(w, Float32Array.from(given, () => 1), on.init(w));
        assertEquals(Array.from(w), given);
      }
    }
  });
}

Deno.test("no NaN becomes a number where it is stored short, whatever else its bits say", () => {
  for (const bits of [0x7fffffff, 0xffffffff, 0x7f800001, 0x7fc00000, 0x7fff8000]) {
    const [value] = new Float32Array(Uint32Array.of(bits).buffer);
    assert(Number.isNaN(fromBfloat16(toBfloat16(value))), bits.toString(16));
  }
});
