/** Generated files of torch in the ways that torch's own optimizers are used: saved, copied, scheduled, scaled. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  galore,
  lion,
  muon,
  type Optimizer,
  optimizer,
  partition,
  prodigy,
  scheduleFreeAdamw,
  sgd,
  sophia,
} from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { pythonWith, runPython } from "./interpreter.ts";

const SCRIPT = new URL("torch_ways.py", import.meta.url);
const python = await pythonWith(["torch", "torch.amp"]);
const learningRate = 0.1;
const isMatrix = { b: false, w: true };

/** Names that Python, torch or the files themselves have, and text that would end a docstring. */
const odd = optimizer({
  name: "def",
  doc: `a """ \\" ' \n\\`,
  source: "x\\",
  hyper: { self: 0.5, torch: 0.1, closure: 0.25, given: 0.5, places: 2, import: 0.1, defaults: 1 },
  state: {
    step: 0,
    trained: 0,
    each: 0,
    grad: { init: "2*w" },
    int: { init: 1, over: "tensor" },
    tuple: { init: 0, over: "tree" },
  },
  inputs: { value: "scalar", curvature: "element" },
  evaluate: "w + each - trained",
  step: `
    range = self*g + torch*step
    step = where(g > 0, range*closure, range)
    zip = sqrt(abs(g)) + given*curvature + value
    trained = 0.5*trained + g
    each = places*each + g
    grad = grad + defaults*g
    int = int + mean(g)
    tuple = tuple + 0.001*globalSum(g*grad)
    u = -0.01*(import*zip + tuple + step + trained + each + grad + int)
  `,
});

/** A state that is at first an identity, and a choice between two numbers. */
const identity = optimizer({
  name: "identity",
  state: { q: { shape: "rows x rows", init: "where(index(axis=0) == index(axis=1), 1, 0)" } },
  step: "q = q; u = where(g > 0, -0.1, 0.1)*where(rank == 2, max(q), 1)",
});

/** What each is to show besides: names of states, whether elements are computed by themselves, and roughly. */
const CASES: Readonly<Record<string, readonly [Optimizer, Partial<Traits>?]>> = {
  lion: [lion({ learningRate }), { isElementWise: true, states: ["exp_avg"] }],
  adamw: [adamw({ learningRate }), { isElementWise: true, states: ["exp_avg", "exp_avg_sq"] }],
  short: [lion({ learningRate, muDtype: "bfloat16" })],
  clipped: [chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate })), { isLoose: true }],
  muon: [muon({ learningRate })],
  prodigy: [prodigy({}), { isLoose: true }],
  scheduleFree: [scheduleFreeAdamw({ learningRate }), { isLoose: true }],
  sophia: [sophia({ learningRate }), { isLoose: true }],
  galore: [galore({ learningRate, rank: 2, updateProjGap: 2 }), { isLoose: true }],
  odd: [odd(), { isLoose: true }],
  identity: [identity()],
  masked: [adamw({ learningRate, weightDecay: 0.1, mask: isMatrix })],
  partition: [
    partition({ a: lion({ learningRate }), b: sgd({ learningRate: 1, momentum: 0.5 }) }, {
      b: "b",
      w: "a",
    }),
  ],
};

interface Traits {
  isElementWise: boolean;
  isLoose: boolean;
  states: readonly string[];
}

function caseFor(name: string, opt: Optimizer, traits: Partial<Traits> = {}): PythonCase {
  const made = caseOf(name, opt, "torch", 8);
  assert("made" in made);
  const { isElementWise = false, isLoose = false, states = [] } = traits;
  return { ...made.made, is_element_wise: isElementWise, loose: isLoose, states } as PythonCase;
}

Deno.test({
  name: "torch: saved and loaded, copied, on other types, scheduled, scaled, sharded, evaluated",
  ignore: python === undefined,
  fn: async () => {
    const cases = Object.entries(CASES).map(([name, [opt, traits]]) => caseFor(name, opt, traits));
    const { failed, ways } = await runPython(python!, SCRIPT, cases) as {
      failed: string[];
      ways: number;
    };
    assert(ways > 15);
    assertEquals(failed, []);
  },
});
