/** Generated files of torch, run by torch: all optimizers beside Gradus, and torch's own beside torch.optim. */
import { chain, clipByGlobalNorm, adam, adamw, lion, sgd } from "../../../mod.ts";
import { elaborate, rates, rootsOf } from "../../../dsl/graph.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { postorder } from "../../../dsl/node.ts";
import { assert, assertEquals } from "../../assert.ts";
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
    if (["Const", "Symbol", "Zero"].includes(node.op) || ["const", "step"].includes(rate.get(node)!)) return true;
    return elementRow(node.op)?.ulp === 0 && !INEXACT.has(node.op);
  });
}

async function compare(cases: readonly PythonCase[], how: object = {}): Promise<void> {
  const made = await runPython(python!, SCRIPT, cases.map((each) => ({ ...each, how }))) as Compared[];
  assertEquals(made.length, cases.length);
  let exact = 0;
  for (const { name, same, largest, error } of made) {
    assert(error === undefined, `${name}: ${error}`);
    assert(largest! <= (TOLERANCE[name] ?? 1e-6), `${name} is off by ${largest}`);
    if (!isExact(name)) continue;
    exact++;
    assert(same, `${name} has other bits`);
  }
  if (cases.length > 100) assert(exact > 25, `only ${exact} are exact`);
}

const ignore = python === undefined;
const { cases, refused } = ignore ? { cases: [], refused: new Map() } : allCases("torch");
const some = (...names: string[]) => cases.filter(({ name }) => names.includes(name));
const KINDS = ["lion", "adamw", "muon", "sm3", "prodigy", "multiSteps", "mechanize", "polyakSgd", "sophia"];

Deno.test({
  name: "every optimizer as torch's is Gradus's after 20 steps, and passes its own test",
  ignore,
  fn: async () => {
    await compare(cases);
    assert(cases.length + refused.size > 130 && refused.size < 14, `${refused.size} are refused`);
  },
});

for (const how of [{ foreach: false }, { capturable: true }, { reload: true }]) {
  Deno.test({
    name: `torch: the same with ${JSON.stringify(how)}`,
    ignore,
    fn: () => compare(some(...KINDS), how),
  });
}

Deno.test({
  name: "torch's own: SGD, Adam and AdamW by torch.optim",
  ignore,
  fn: async () => {
    const options = { learningRate: 0.05, like: "torch" } as const;
    const own = [
      ["SGD", sgd({ ...options, momentum: 0.9 }), { lr: 0.05, momentum: 0.9 }],
      ["Adam", adam(options), { lr: 0.05 }],
      ["AdamW", adamw(options), { lr: 0.05 }],
    ] as const;
    const made = own.map(([name, opt, given]) => {
      const made = caseOf(name, opt, "torch");
      assert("made" in made);
      return { ...made.made, how: { like: name, given } };
    });
    for (const { name, largest, error } of await runPython(python!, SCRIPT, made) as Compared[]) {
      assert(error === undefined && largest! <= 1e-6, `${name}: ${error ?? largest}`);
    }
  },
});

Deno.test({
  name: "torch: groups of parameters, missing gradients and a norm over all",
  ignore,
  fn: async () => {
    const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1 }));
    const made = caseOf("groups", opt, "torch");
    assert("made" in made);
    const [{ largest, error }] = await runPython(python!, SCRIPT, [
      { ...made.made, how: { groups: true } },
    ]) as Compared[];
    assert(error === undefined && largest! <= 1e-6, error ?? `off by ${largest}`);
  },
});

