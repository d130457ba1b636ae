/** The text of Optax's files, without Python: what some compute, the form of all, options and refusals. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  muon,
  type Optimizer,
  optimizer,
  partition,
  scheduleFreeSgd,
  sgd,
} from "../../../mod.ts";
import { toPython } from "../../../export/python/mod.ts";
import { assertSnapshot } from "@std/testing/snapshot";
import { assert, assertEquals, assertStringIncludes } from "../../assert.ts";
import { assertRefused } from "../../refused.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { faults, own } from "./form.ts";

/** Where the snapshots are, also when the tests run together with others. */
const snapshots = {
  path: new URL("__snapshots__/optax_text_test.ts.snap", import.meta.url).pathname,
};

const lr = { learningRate: 0.1 };
const textOf = (opt: Optimizer, options = {}) => toPython(opt, { to: "optax", ...options });

const GOLDEN: Readonly<Record<string, () => Optimizer>> = {
  lion: () => lion(lr),
  "adamw at a cosine": () =>
    adamw({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 6 }) }),
  "a clip and Lion": () => chain(clipByGlobalNorm({ maxNorm: 1 }), lion(lr)),
  scheduleFreeSgd: () => scheduleFreeSgd(lr),
};

for (const [name, make] of Object.entries(GOLDEN)) {
  Deno.test(`what ${name} computes, as Optax has it`, async (t) => {
    await assertSnapshot(t, own(textOf(make())).join("\n\n\n"), snapshots);
  });
}

Deno.test("the transformation of Lion", async (t) => {
  const text = textOf(lion(lr), { required: ["learningRate"] });
  await assertSnapshot(t, /class LionState[\s\S]*?(?=\n\n\n_SHAPES)/.exec(text)![0], snapshots);
});

Deno.test("Optax's file of every optimizer has the form of Python, and reads nothing that it has not set", () => {
  for (const [name, make] of [...Object.entries(zooOptimizers), ...Object.entries(wrapped)]) {
    const text = textOf(make());
    assertEquals(faults(text), [], name);
    assert(!/callback/.test(text), name);
  }
});

Deno.test("trees, masks and schedules are options that follow their own while None", () => {
  const text = textOf(
    adamw({
      learningRate: { layers: 0.5, head: [0.1, 0] },
      weightDecay: 0.1,
      mask: { match: [["*norm*", false], ['a"\n*', true], ["*", true]] },
    }),
  );
  assertEquals(faults(text), []);
  assertStringIncludes(
    text,
    "(learning_rate=None, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.1, mask=None)",
  );
  assertStringIncludes(text, 'learning_rate = {"layers": 0.5, "head": [0.1, 0]}');
  assertStringIncludes(
    text,
    '_matching([("*norm*", False), ("a\\"\\n*", True), ("*", True)], params)',
  );
  const parts = partition({ a: lion(lr), b: sgd(lr) }, { x: "a", y: "b" });
  assertStringIncludes(textOf(parts), 'applies_a = {"x": True, "y": False}');
  // A mask that none was made with: Optax's users have one.
  assertStringIncludes(textOf(lion(lr)), "weight_decay=0.001, mask=None)");
});

Deno.test("what a program writes into Optax's file is text, and never code", () => {
  const hostile = '"""\nimport os\nos.system("x")\n"""\\';
  const text = textOf(
    optimizer({ name: "hostile", doc: hostile, source: hostile, step: "u = -g" })(),
  );
  assertEquals(faults(text), []);
  assertEquals(text.match(/^import .*/gm)?.slice(-3), [
    "import jax",
    "import jax.numpy as jnp",
    "import optax",
  ]);
});

Deno.test("what Optax's file cannot say is refused by name", () => {
  assertRefused(() => textOf(sgd({ learningRate: () => 0.1 })), "learningRate", "expression");
  assertRefused(() => textOf(muon({ ...lr, matrices: "flatten" })), "matrices", "flatten");
  assertRefused(() => textOf(lion({ ...lr, muDtype: "block8" })), "Optax", "block8");
  assertRefused(() => textOf(adamw({ ...lr, mask: () => true })), "weightDecay", "function");
  for (const name of ["class", "jax", "NamedTuple", "_x", "a b", ""]) {
    assertRefused(() => textOf(lion(lr), { name }), "name", "Python");
  }
  const made = optimizer({ name: "lambda", step: "u = -g" })();
  assertRefused(() => textOf(made), "name", "lambda");
  assertStringIncludes(textOf(made, { name: "down" }), "def down()");
});
