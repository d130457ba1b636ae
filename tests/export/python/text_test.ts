/** The text of generated files, without Python: what ten of them compute, the form of all, and refusals. */
import {
  adafactor,
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  multiSteps,
  muon,
  type Optimizer,
  optimizer,
  prodigy,
  rmsprop,
  schedule,
  scheduleFreeSgd,
  sgd,
  stableAdamw,
} from "../../../mod.ts";
import { toPython } from "../../../export/python/mod.ts";
import { assertSnapshot } from "@std/testing/snapshot";
import { assert, assertEquals, assertStringIncludes } from "../../assert.ts";
import { assertRefused } from "../../refused.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { faults, own } from "./form.ts";

/** Where the snapshots are, also when the tests run together with others. */
const snapshots = {
  path: new URL("__snapshots__/text_test.ts.snap", import.meta.url).pathname,
};

const GOLDEN: Readonly<Record<string, () => Optimizer>> = {
  lion: () => lion({ learningRate: 0.1 }),
  sgd: () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  adam: () => adam({ learningRate: 0.1 }),
  "adamw at a cosine": () =>
    adamw({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 6 }) }),
  rmsprop: () => rmsprop({ learningRate: 0.1, centered: true }),
  muon: () => muon({ learningRate: 0.1 }),
  prodigy: () => prodigy({}),
  "a clip and Lion": () => chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1 })),
  multiSteps: () => multiSteps(sgd({ learningRate: 0.1 }), { everyKSchedule: 2 }),
  stableAdamw: () => stableAdamw({ learningRate: 0.1 }),
};

for (const [name, make] of Object.entries(GOLDEN)) {
  Deno.test(`what ${name} computes, as torch has it`, async (t) => {
    await assertSnapshot(t, own(toPython(make(), { to: "torch" })).join("\n\n\n"), snapshots);
  });
}

Deno.test("the file of every optimizer has the form of Python, and reads nothing that it has not set", () => {
  let written = 0;
  for (const [name, make] of [...Object.entries(zooOptimizers), ...Object.entries(wrapped)]) {
    let text: string;
    try {
      text = toPython(make(), { to: "torch" });
    } catch {
      continue; // The test with torch counts them.
    }
    written++;
    assertEquals(faults(text), [], name);
  }
  assert(written > 140, `only ${written} are written`);
  assert(faults("def _update(bucket):\n    u = _mul(m, 1").length >= 3);
});

Deno.test("names are legal in Python, each its own, and those of a program's that look alike differ", () => {
  const made = optimizer({
    name: "odd",
    hyper: { lambda: 0.5, learningRate: 0.1, learning_rate: 0.25, params: 2, β1: 0.5 },
    state: { class: 0, v: 0, bucket: 0 },
    step: `
      _add = lambda*g + β1*class
      class = _add
      v = params*v + g
      bucket = bucket + v
      u = -learningRate*(_add + learning_rate*v + bucket)
    `,
  })();
  const text = toPython(made, { to: "torch" });
  assertEquals(faults(text), []);
  assertStringIncludes(text, "lambda_=0.5, lr=0.1, learning_rate=0.25, params_2=2");
});

Deno.test("what is written by a program into a file is text, and never code", () => {
  const hostile = '"""\nimport os\nos.system("x")\n"""\\';
  const text = toPython(
    optimizer({ name: "hostile", doc: hostile, source: hostile, step: "u = -g" })(),
    { to: "torch" },
  );
  assertEquals(faults(text), []);
  assertEquals(text.match(/^import .*/gm)?.slice(-2), ["import math", "import torch"]);
  assertEquals([...text.matchAll(/"""/g)].length % 2, 0);
});

Deno.test("hyperparameters: 0 and truth values are taken in, required ones have no default", () => {
  const text = toPython(sgd({ learningRate: 0.1 }), { to: "torch", required: ["learningRate"] });
  assertStringIncludes(text, "def __init__(self, params, lr, *, maximize=False");
  assertStringIncludes(text, "momentum = 0, nesterov = false");
  assertStringIncludes(text, "opt = Sgd(params, lr=0.1)");
});

Deno.test("a schedule is followed while its option is None", () => {
  const text = toPython(GOLDEN["adamw at a cosine"](), { to: "torch" });
  assertStringIncludes(text, "params, lr=None,");
  assertStringIncludes(text, 'if group["lr"] is None:');
});

Deno.test("masks and trees of numbers are told by the names of parameters", () => {
  const masked = toPython(
    adamw({
      learningRate: { layers: 0.5, head: [0.1, 0] },
      mask: { match: [["*norm*", false], ["*", true]] },
      weightDecay: 0.1,
    }),
    { to: "torch" },
  );
  assertEquals(faults(masked), []);
  assertStringIncludes(
    masked,
    `_RULES = {
    "weight_decay_mask": (
        ("*norm*", False),
        ("*", True),
    ),
    "lr": {
        "layers": 0.5,
        "head.0": 0.1,
        "head.1": 0,
    },
}`,
  );
  assertStringIncludes(masked, "lr=None");
  const factored = toPython(adafactor({ learningRate: 0.1 }), { to: "torch" });
  assertStringIncludes(factored, 'bucket["second_extent"] >= 128');
  const hostile = { match: [['a"\n\\*', true], ["*", false]] } as const;
  const text = toPython(adamw({ learningRate: 0.1, weightDecay: 0.1, mask: hostile }), {
    to: "torch",
  });
  assertStringIncludes(text, '("a\\"\\n\\\\*", True)');
  assertEquals(faults(text), []);
});

Deno.test("what cannot be said in Python is refused by name", () => {
  const torch = { to: "torch" } as const;
  const lr = { learningRate: 0.1 };
  assertRefused(
    () => toPython(sgd({ learningRate: () => 0.1 }), torch),
    "learningRate",
    "expression",
  );
  const byStep = { a: 1, b: schedule("1/t") };
  assertRefused(() => toPython(sgd({ learningRate: byStep }), torch), "learningRate", "schedules");
  const mask = () => ({ a: true });
  assertRefused(() => toPython(adamw({ ...lr, mask }), torch), "weightDecay", "function");
  const match = [[({ rank }: { rank: number }) => rank > 1, true], ["*", false]] as const;
  assertRefused(
    () => toPython(adamw({ ...lr, mask: { match } }), torch),
    "weightDecay",
    "function",
  );
  const short = { dtype: "bfloat16", rounding: "stochastic" } as const;
  assertRefused(() => toPython(lion({ ...lr, muDtype: short }), torch), "stochastically", "m");
  assertRefused(() => toPython(lion({ ...lr, muDtype: "block8" }), torch), "block8", "bfloat16");
  const matrices = { reductionAxis: 0, outputAxis: [1, 2] };
  assertRefused(() => toPython(muon({ ...lr, matrices }), torch), "matrices", "flatten");
  assertRefused(() => toPython(lion(lr), { to: "numpy" as never }), "torch", "numpy");
  assertRefused(() => toPython(lion(lr), { ...torch, name: "a b" }), "name");
  assertRefused(() => toPython(lion(lr), { ...torch, nme: "Lion" } as never), "nme");
  assertRefused(() => toPython(lion as never, torch), "must be an optimizer");
  assert(toPython(scheduleFreeSgd(lr), torch).length > 0);
});
