/** Generated files of Optax, run by Optax: all optimizers beside Gradus, Optax's own, and what its users do with one. */
import * as zoo from "../../../mod.ts";
import {
  adamw,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  optimizer,
  prodigy,
  scheduleFreeAdamw,
} from "../../../mod.ts";
import { toPython } from "../../../export/python/mod.ts";
import { assert } from "../../assert.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { isExact } from "./exact.ts";
import { pythonThatHas, runPython } from "./interpreter.ts";
import { allCases, type Compared, RUNS } from "./table.ts";

const SCRIPT = new URL("run_optax.py", import.meta.url);
const python = await pythonThatHas(["jax", "optax"]);
const ignore = python === undefined;

/** Where float32 numbers of a step are differences of nearly equal ones, or history multiplies the last bits. */
const TOLERANCE: Readonly<Record<string, number>> = {
  ...{ fadam: 5e-6, radam: 3e-6, scaleByRadam: 3e-6, soap: 3e-6, lbfgs: 1e-4, scaleByLbfgs: 1e-4 },
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

/** Optax's own by the options that it shares with ours. */
const OWN: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...{ adabelief: {}, adagrad: {}, adam: {}, adamax: {}, adamw: { weightDecay: 0.1 }, lars: {} },
  ...{ lamb: { weightDecay: 0.1 }, lion: { weightDecay: 0.1 }, nadamw: {}, novograd: {} },
  ...{ rmsprop: { centered: true }, sgd: { momentum: 0.9, nesterov: true }, sm3: {}, yogi: {} },
  ...{ "contrib.adopt": {}, "contrib.muon": {}, "contrib.prodigy": {} },
  ...{ "contrib.scheduleFreeSgd": {} },
};

const snake = (name: string) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** Those, beside what Gradus made. */
function optaxsOwn(): PythonCase[] {
  return Object.entries(OWN).map(([path, given]) => {
    const [name, room] = path.split(".").reverse();
    const options = { learningRate: 0.01, ...given };
    const make = (zoo as unknown as Record<string, (options: object) => Optimizer>)[name];
    const own = Object.fromEntries(Object.entries(options).map(([key, x]) => [snake(key), x]));
    const how = { like: snake(name), given: own, contrib: room !== undefined };
    return { ...one(name, make(options), how), name: `optax.${path}` };
  });
}

Deno.test({
  name:
    "every optimizer as Optax's is Gradus's after 20 steps that are traced once and ask no host, as Optax's own are",
  ignore,
  fn: async () => {
    const { cases, refused } = allCases("optax");
    assert(refused.size === 0, [...refused].join("\n"));
    let exact = 0;
    for (const { name, same } of await check([...cases, ...optaxsOwn()], RUNS.optax.env!)) {
      if (name.startsWith("optax.") || !isExact(name, "float32")) continue;
      exact++;
      assert(same, `${name} has other bits`);
    }
    assert(exact > 20, `only ${exact} are exact`);
  },
});

/** An optimizer whose hyperparameters are called as all that is read or set in a file, as far as the language lets. */
function calledAlike(): Optimizer {
  const words = new Set(toPython(prodigy({}), { to: "optax" }).match(/\b[a-z][a-z_]*[a-z]\b/g));
  const isName = (word: string) => {
    try {
      return optimizer({ name: "one", hyper: { [word]: 1 }, step: `u = -${word}*g` }) !== undefined;
    } catch {
      return false;
    }
  };
  const names = [...words].filter((word) => !["class", "index"].includes(word) && isName(word));
  assert(names.length > 80, names.join(" "));
  return optimizer({
    name: "alike",
    hyper: Object.fromEntries(names.map((name, k) => [name, 1 / (k + 1)])),
    state: { class: 0, index: { over: "tree" } },
    step: `
      class = class/2 + g
      index = index + globalNorm(g)
      u = -0.001*(${names.join(" + ")})*(class + w/index)
    `,
  })();
}

const WAYS = ["combined", "injected", "told", "typed", "nested", "transformed", "refused"];

Deno.test({
  name: "what Optax's users do with a transformation, and multiplying and adding at once",
  ignore,
  fn: async () => {
    const opt = lion({ learningRate: 0.1 });
    const trees = adamw({ learningRate: { b: 0.1, w: 0.2 }, mask: { b: false, w: true } });
    const rules = lion({ learningRate: 0.1, mask: { match: [["b", false], ["w*", true]] } });
    const free = one("evaluated", scheduleFreeAdamw({ learningRate: 0.1 }));
    const schedule = cosineDecaySchedule({ initValue: 0.1, decaySteps: 15 });
    await check([
      ...WAYS.map((way) => ({ ...one("lion", opt, { way }), name: way })),
      one("trees", trees),
      one("rules", rules),
      { ...free, after: free.evaluated!, how: { evaluated: true } },
      one("alike", calledAlike()),
      one("scheduled", adamw({ learningRate: schedule })),
      one("short", lion({ learningRate: 0.1, muDtype: "bfloat16" })),
      ...["muon", "galore", "partition"].map((name) =>
        one(name, { ...zooOptimizers, ...wrapped }[name]())
      ),
    ], {});
  },
});
