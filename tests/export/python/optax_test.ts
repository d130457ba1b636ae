/** Generated files of Optax, run by Optax under jit, which traces them once: optimizers of each kind beside Gradus. */
import { assert } from "../../assert.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf } from "./cases.ts";
import { pythonWith, runPython } from "./interpreter.ts";
import type { Compared } from "./table.ts";

const python = await pythonWith(["jax", "optax"]);
const KINDS = ["lion", "adamw", "muon", "prodigy", "multiSteps", "sophia"];

Deno.test({
  name: "optimizers of each kind as Optax's are Gradus's after 20 steps",
  ignore: python === undefined,
  fn: async () => {
    const cases = KINDS.map((name) => {
      const made = caseOf(name, { ...zooOptimizers, ...wrapped }[name](), "optax");
      assert("made" in made);
      return { ...made.made, how: { jit: true } };
    });
    const script = new URL("run_optax.py", import.meta.url);
    for (const { name, largest, error } of await runPython(python!, script, cases) as Compared[]) {
      assert(error === undefined, `${name}: ${error}`);
      assert(largest! <= 1e-6, `${name} is off by ${largest}`);
    }
  },
});
