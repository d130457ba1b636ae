/** Generated files of Optax, run by Optax: all optimizers beside Gradus, Optax's own, and what its users do with one. */
import * as zoo from "../../../mod.ts";
import {
  adamw,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  scheduleFreeAdamw,
} from "../../../mod.ts";
import { assert } from "../../assert.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { isExact } from "./exact.ts";
import { pythonThatHas, runPython } from "./interpreter.ts";
import { allCases, type Compared, RUNS } from "./table.ts";

const SCRIPT = new URL("run_optax.py", import.meta.url);
const python = await pythonThatHas(["jax", "optax"]);
const ignore = python === undefined;

/** A step's numbers are float32: where they are differences of nearly equal ones, and history multiplies them. */
const TOLERANCE: Readonly<Record<string, number>> = {
  ...{ fadam: 5e-6, radam: 3e-6, scaleByRadam: 3e-6, soap: 3e-6, lbfgs: 1e-5, scaleByLbfgs: 1e-5 },
};

/** The case of an optimizer, run in a way of its own. */
function one(name: string, opt: Optimizer, how?: object): PythonCase {
  const made = caseOf(name, opt, "optax", 20, RUNS.optax.shapes);
  assert("made" in made);
  return { ...made.made, ...how && { how } };
}

async function check(
  cases: readonly PythonCase[],
  env: Readonly<Record<string, string>>,
): Promise<Compared[]> {
  const results = await runPython(python!, SCRIPT, cases, env) as Compared[];
  const faults = results.flatMap(({ name, largest = 0, error }) =>
    error !== undefined
      ? [`${name}: ${error}`]
      : largest <= (TOLERANCE[name] ?? 1e-6)
      ? []
      : [`${name} is off by ${largest}`]
  );
  assert(faults.length === 0, faults.join("\n"));
  return results;
}

Deno.test({
  name:
    "every optimizer as Optax's is Gradus's after 20 steps that are traced once and ask no host",
  ignore,
  fn: async () => {
    const { cases, refused } = allCases("optax");
    assert(refused.size === 0, [...refused].join("\n"));
    let exact = 0;
    for (const { name, same } of await check(cases, RUNS.optax.env!)) {
      if (!isExact(name, "float32")) continue;
      exact++;
      assert(same, `${name} has other bits`);
    }
    assert(exact > 25, `only ${exact} are exact`);
  },
});

/** Optax's own by the options that it shares with ours. */
const OWN: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  adabelief: {},
  adadelta: {},
  adagrad: {},
  adam: {},
  adamax: {},
  adamaxw: { weightDecay: 0.1 },
  adamw: { weightDecay: 0.1 },
  amsgrad: {},
  fromage: {},
  lamb: { weightDecay: 0.1 },
  lars: {},
  lion: { weightDecay: 0.1 },
  nadam: {},
  nadamw: {},
  novograd: {},
  optimisticGradientDescent: {},
  rmsprop: { centered: true },
  sgd: { momentum: 0.9, nesterov: true },
  signSgd: {},
  sm3: {},
  yogi: {},
  "contrib.acprop": {},
  "contrib.ademamix": {},
  "contrib.adopt": {},
  "contrib.madgrad": {},
  "contrib.muon": {},
  "contrib.prodigy": {},
  "contrib.scheduleFreeSgd": {},
  "contrib.simplifiedAdemamix": {},
};

const snake = (name: string) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

Deno.test({
  name: "Optax's own with the same options is what Gradus's is",
  ignore,
  fn: async () => {
    const cases = Object.entries(OWN).map(([path, given]) => {
      const [name, room] = path.split(".").reverse();
      const options = { learningRate: 0.01, ...given };
      const make = (zoo as unknown as Record<string, (options: object) => Optimizer>)[name];
      const own = Object.fromEntries(Object.entries(options).map(([key, x]) => [snake(key), x]));
      return one(path, make(options), {
        like: snake(name),
        given: own,
        contrib: room !== undefined,
      });
    });
    await check(cases, {});
  },
});

const WAYS = ["combined", "injected", "told", "typed", "nested", "transformed", "refused"];
const isMatrix = { b: false, w: true };

Deno.test({
  name: "what Optax's users do with a transformation, and multiplying and adding at once",
  ignore,
  fn: async () => {
    const decaying = lion({ learningRate: 0.1 });
    const trees = adamw({ learningRate: { b: 0.1, w: 0.2 }, mask: isMatrix });
    const rules = lion({ learningRate: 0.1, mask: { match: [["b", false], ["w*", true]] } });
    const free = one("evaluated", scheduleFreeAdamw({ learningRate: 0.1 }));
    await check([
      ...WAYS.map((way) => ({ ...one("lion", decaying, { way }), name: way })),
      one("trees", trees),
      one("rules", rules),
      { ...free, after: free.evaluated!, how: { evaluated: true } },
      one(
        "scheduled",
        adamw({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 15 }) }),
      ),
      one("short", lion({ learningRate: 0.1, muDtype: "bfloat16" })),
      ...["muon", "galore", "partition"].map((name) =>
        one(name, { ...zooOptimizers, ...wrapped }[name]())
      ),
    ], {});
  },
});
