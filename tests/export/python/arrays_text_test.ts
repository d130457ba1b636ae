/** The text of files of MLX and Keras, without either: two as a whole, the form of all, and refusals. */
import {
  addNoise,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  optimizer,
  polyakSgd,
  scheduleFreeSgd,
  sgd,
} from "../../../mod.ts";
import { toPython } from "../../../export/python/mod.ts";
import { assertSnapshot } from "@std/testing/snapshot";
import { assert, assertEquals, assertStringIncludes } from "../../assert.ts";
import { assertRefused } from "../../refused.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { faults } from "./form.ts";

/** Where the snapshots are, also when the tests run together with others. */
const snapshots = {
  path: new URL("__snapshots__/arrays_text_test.ts.snap", import.meta.url).pathname,
};

const TARGETS = ["mlx", "keras"] as const;

for (const to of TARGETS) {
  Deno.test(`a file of ${to} as a whole`, async (t) => {
    const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1 }));
    await assertSnapshot(t, toPython(opt, { to, name: "Clipped" }), snapshots);
  });

  Deno.test(`every file of ${to} has the form of Python, and reads nothing that it has not set`, () => {
    let written = 0;
    for (const [name, make] of [...Object.entries(zooOptimizers), ...Object.entries(wrapped)]) {
      let text: string;
      try {
        text = toPython(make(), { to });
      } catch {
        continue; // The test with the framework tells why.
      }
      written++;
      assertEquals(faults(text), [], name);
    }
    assert(written > 120, `only ${written} are written`);
  });
}

Deno.test("what a program writes into files of MLX and Keras is text, and never code", () => {
  const hostile = '"""\nimport os\nos.system("x")\n"""\\';
  const made = optimizer({ name: "hostile", doc: hostile, source: hostile, step: "u = -g" })();
  const LAST = {
    mlx: ["import math", "import mlx.core as mx", "import mlx.optimizers"],
    keras: ["import math", "import keras"],
  };
  for (const to of TARGETS) {
    const text = toPython(made, { to });
    assertEquals(faults(text), []);
    assertEquals(text.match(/^import .*/gm)?.slice(-LAST[to].length), LAST[to]);
    assertEquals([...text.matchAll(/"""/g)].length % 2, 0);
  }
});

Deno.test("MLX and Keras: schedules, required hyperparameters, states that begin with the parameter", () => {
  const learningRate = cosineDecaySchedule({ initValue: 0.1, decaySteps: 6 });
  const [mlx, keras] = TARGETS.map((to) => toPython(sgd({ learningRate }), { to }));
  assertStringIncludes(mlx, "def __init__(self, learning_rate=None)");
  assertStringIncludes(mlx, 'self._maybe_schedule("learning_rate", lambda step: ');
  assertStringIncludes(keras, 'config["learning_rate"] = None');
  const required = ["learningRate"];
  for (const to of TARGETS) {
    const text = toPython(lion({ learningRate: 0.1 }), { to, required });
    assertStringIncludes(text, "def __init__(self, learning_rate, b1=0.9, b2=0.99, ");
    assertStringIncludes(text, "opt = Lion(learning_rate=0.1)");
  }
  const free = toPython(scheduleFreeSgd({ learningRate: 0.1 }), { to: "mlx" });
  assertStringIncludes(
    free,
    "self.init(tree_map(lambda _, parameter: parameter, gradients, parameters))",
  );
});

Deno.test("what MLX and Keras cannot say is refused by name", () => {
  const lr = { learningRate: 0.1 };
  const named = { MLX: "mlx", Keras: "keras" } as const;
  for (const [name, to] of Object.entries(named)) {
    const tree = sgd({ learningRate: { a: 1, b: 2 } });
    assertRefused(() => toPython(tree, { to }), "learningRate", "tree", name);
    assertRefused(() => toPython(lion({ ...lr, muDtype: "bfloat16" }), { to }), "bfloat16", name);
    const noise = addNoise({ eta: 1, gamma: 1, seed: 1 });
    assertRefused(() => toPython(noise, { to }), "random numbers", name);
  }
  assertRefused(() => toPython(polyakSgd({}), { to: "keras" }), "value", "Keras");
  assertStringIncludes(toPython(polyakSgd({}), { to: "mlx" }), "parameters, *, value):");
});

Deno.test("files of MLX and Keras say where what is trained is not what to evaluate with", () => {
  for (const to of TARGETS) {
    const heed = "Heed: what this trains is not what to evaluate with";
    assertStringIncludes(toPython(scheduleFreeSgd({ learningRate: 0.1 }), { to }), heed);
    assert(!toPython(sgd({ learningRate: 0.1 }), { to }).includes(heed));
  }
});
