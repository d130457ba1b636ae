/** Generated files of torch, run by torch: all optimizers beside Gradus, and torch's own beside torch.optim. */
import {
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  optimizer,
  sgd,
} from "../../../mod.ts";
import { elaborate, rates, rootsOf } from "../../../dsl/graph.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { postorder } from "../../../dsl/node.ts";
import { assert } from "../../assert.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { pythonWith, runPython } from "./interpreter.ts";
import { allCases, type Compared } from "./table.ts";

const SCRIPT = new URL("run_torch.py", import.meta.url);
const python = await pythonWith(["torch", "torch.compiler"]);

/** What is computed otherwise by torch, in the last bit. */
const INEXACT: ReadonlySet<string> = new Set(["Sqrt"]);
/** History multiplies what the last bits differ by. */
const TOLERANCE: Readonly<Record<string, number>> = { lbfgs: 1e-5 };

/** Whether every operation on elements is exact, and none is a sum. */
function isExact(name: string): boolean {
  const { program } = { ...zooOptimizers, ...wrapped }[name]();
  const graph = elaborate(program);
  const rate = rates(rootsOf(graph), program);
  return graph.globals.length === 0 && postorder(rootsOf(graph)).every((node) => {
    if (
      ["Const", "Symbol", "Zero"].includes(node.op) || ["const", "step"].includes(rate.get(node)!)
    ) return true;
    return elementRow(node.op)?.ulp === 0 && !INEXACT.has(node.op);
  });
}

const ignore = python === undefined;
const { cases, refused } = ignore ? { cases: [], refused: new Map() } : allCases("torch");
const KINDS = [
  "lion",
  "adamw",
  "muon",
  "sm3",
  "prodigy",
  "multiSteps",
  "mechanize",
  "polyakSgd",
  "sophia",
];
const OPTIONS = [{ foreach: false }, { capturable: true }, { reload: true }];

/** The case of an optimizer, run in a way of its own. */
function one(name: string, opt: Optimizer, how: object, steps?: number): PythonCase {
  const made = caseOf(name, opt, "torch", steps);
  assert("made" in made);
  return { ...made.made, how };
}

/** `torch.optim`'s own in the place of what was generated from ours. */
function torchsOwn(): PythonCase[] {
  const options = { learningRate: 0.05, like: "torch" } as const;
  return [
    one("SGD", sgd({ ...options, momentum: 0.9 }), {
      like: "SGD",
      given: { lr: 0.05, momentum: 0.9 },
    }),
    one("Adam", adam(options), { like: "Adam", given: { lr: 0.05 } }),
    one("AdamW", adamw(options), { like: "AdamW", given: { lr: 0.05 } }),
  ];
}

/** States that are handed on, so that one is written over while another is still to be read; names of Python's. */
const handedOn = optimizer({
  name: "handedOn",
  hyper: { lambda: 0.5, learningRate: 0.1, learning_rate: 0.25, params: 2, β1: 0.5 },
  state: { class: 0, before: 0, last: 0, z: { init: "2*w" }, level: { init: 1, over: "tensor" } },
  step: `
    old = class
    class = lambda*g + β1*class
    last = before
    before = old
    z = w
    level = level + mean(z - old)/params
    u = last + learning_rate*before - learningRate*(class + level*z)
  `,
});
const scheduled = adamw({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 15 }) });
const clipped = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));

/** By what they show: cases that one Python runs, since it takes long to begin. */
const runs = ignore ? new Map<string, PythonCase[]>() : new Map([
  ["all", cases],
  ...OPTIONS.map((how) =>
    [
      JSON.stringify(how),
      cases.filter(({ name }) => KINDS.includes(name)).map((each) => ({ ...each, how })),
    ] as [string, PythonCase[]]
  ),
  ["own", torchsOwn()],
  ["groups", [one("groups", clipped, { groups: true })]],
  ["kinds", [one("handedOn", handedOn(), {}), one("scheduled", scheduled, {})]],
  ["compiled", [
    one("lion", lion({ learningRate: 0.1 }), { compile: true }, 3),
    one("clipped", clipped, { compile: true }, 3),
  ]],
]);
let results: Promise<Compared[]> | undefined;

async function check(run: string): Promise<void> {
  const all = await (results ??= runPython(python!, SCRIPT, [...runs.values()].flat()) as Promise<
    Compared[]
  >);
  const before = [...runs.keys()].slice(0, [...runs.keys()].indexOf(run));
  const begin = before.reduce((sum, each) => sum + runs.get(each)!.length, 0);
  const made = all.slice(begin, begin + runs.get(run)!.length);
  assert(made.length > 0);
  let exact = 0;
  for (const { name, same, largest, error, left_out } of made) {
    if (left_out !== undefined) {
      console.warn(`left out: ${name}: ${left_out}`);
      continue;
    }
    assert(error === undefined, `${name}: ${error}`);
    assert(largest! <= (TOLERANCE[name] ?? 1e-6), `${name} is off by ${largest}`);
    if (run !== "all" || !isExact(name)) continue;
    exact++;
    assert(same, `${name} has other bits`);
  }
  if (run === "all") assert(exact > 25, `only ${exact} are exact`);
}

Deno.test({
  name: "every optimizer as torch's is Gradus's after 20 steps, and passes its own test",
  ignore,
  fn: async () => {
    await check("all");
    assert(cases.length > 120, `only ${cases.length} are written`);
    for (const [name, why] of refused) {
      assert(/mask|random|no spelling/.test(why), `${name}: ${why}`);
    }
  },
});

for (const how of OPTIONS.map((each) => JSON.stringify(each))) {
  Deno.test({ name: `torch: the same with ${how}`, ignore, fn: () => check(how) });
}

Deno.test({
  name: "SGD, Adam and AdamW of torch.optim are what those like torch's are",
  ignore,
  fn: () => check("own"),
});

Deno.test({
  name: "torch: a norm over two groups of parameters",
  ignore,
  fn: () => check("groups"),
});

Deno.test({
  name: "torch: states that are handed on, names of Python's, a schedule",
  ignore,
  fn: () => check("kinds"),
});

Deno.test({
  name: "torch.compile takes a step as one graph",
  ignore,
  fn: () => check("compiled"),
});
