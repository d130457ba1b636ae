/** Generated files of Keras 3, run by it on two backends: optimizers of each kind beside Gradus. */
import { adamw, cosineDecaySchedule, optimizer } from "../../../mod.ts";
import { assert } from "../../assert.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { pythonThatHas, runPython } from "./interpreter.ts";
import type { Compared } from "./table.ts";

const SCRIPT = new URL("run_keras.py", import.meta.url);
const KINDS: Readonly<Record<string, readonly string[]>> = {
  torch: ["lion", "adamw", "muon", "sm3", "prodigy", "scheduleFreeSgd", "multiSteps"],
  jax: ["lion", "adamw", "prodigy"],
};

/** States that are handed on, so that one is written over while another is still to be read. */
const handedOn = optimizer({
  name: "handedOn",
  hyper: { name: 0.5, learningRate: 0.1, clipnorm: 0.25, β1: 0.5 },
  state: { held: 0, before: 0, last: 0, z: { init: "2*w" }, level: { init: 1, over: "tensor" } },
  step: `
    old = held
    held = name*g + β1*held
    last = before
    before = old
    z = w
    level = level + mean(z - old)
    u = last + clipnorm*before - learningRate*(held + level*z)
  `,
});
const scheduled = cosineDecaySchedule({ initValue: 0.1, decaySteps: 15 });

function one(
  name: string,
  how: object = {},
  opt = { ...zooOptimizers, ...wrapped }[name](),
  steps = 20,
): PythonCase {
  const made = caseOf(name, opt, "keras", steps);
  assert("made" in made);
  return { ...made.made, how };
}

for (const [backend, kinds] of Object.entries(KINDS)) {
  const python = await pythonThatHas(["keras", backend, "numpy"]);
  Deno.test({
    name: `optimizers of each kind as Keras's are Gradus's after 20 steps, on ${backend}`,
    ignore: python === undefined,
    fn: async () => {
      const how = backend === "jax" ? { jit: true } : {};
      const cases = [
        ...kinds.map((name) => one(name, how)),
        // It diverges, and differences grow with it.
        one("handedOn", {}, handedOn(), 8),
        one("a schedule", { reload: true }, adamw({ learningRate: scheduled })),
        one("adamw", { fit: true }),
      ];
      const results = await runPython(python!, SCRIPT, cases, { KERAS_BACKEND: backend });
      for (const { name, largest, error } of results as Compared[]) {
        assert(error === undefined, `${name}: ${error}`);
        assert(largest! <= 1e-6, `${name} is off by ${largest}`);
      }
    },
  });
}
