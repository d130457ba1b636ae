/** Generated files of torch, run by torch: all optimizers beside Gradus, and torch's own beside torch.optim. */
import {
  adafactor,
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  fromTorchConfig,
  galore,
  lion,
  muon,
  type Optimizer,
  optimizer,
  partition,
  prodigy,
  shampoo,
  type TorchConfig,
} from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { caseOf, MATRICES, type PythonCase } from "./cases.ts";
import { isExact } from "./exact.ts";
import { pythonWith, runPython } from "./interpreter.ts";
import { allCases, type Compared } from "./table.ts";

const SCRIPT = new URL("run_torch.py", import.meta.url);
const python = await pythonWith(["torch", "torch.compiler"]);

/** History multiplies what the last bits differ by. */
const TOLERANCE: Readonly<Record<string, number>> = {
  lbfgs: 1e-5,
  LBFGS: 1e-5,
  Muon: 2e-2,
  dion2: 4e-6,
  soap: 1e-5,
};

const ignore = python === undefined;
const { cases, refused } = ignore ? { cases: [], refused: new Map() } : allCases("torch");
/** The case of an optimizer, run in a way of its own. */
function one(
  name: string,
  opt: Optimizer,
  how: object,
  steps?: number,
  shapes?: readonly (readonly number[])[],
): PythonCase {
  const made = caseOf(name, opt, "torch", steps, shapes);
  assert("made" in made, JSON.stringify(made));
  return { ...made.made, how };
}

/** Classes of `torch.optim` and options of theirs: by what is generated from ours, and by themselves. */
const OWN: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["SGD", { lr: 0.05 }],
  ["SGD", { lr: 0.05, momentum: 0.9, dampening: 0.5, weight_decay: 0.1 }],
  ["SGD", { lr: 0.05, momentum: 0.9, nesterov: true }],
  ["Adam", { lr: 0.05, weight_decay: 0.1 }],
  ["Adam", { lr: 0.05, amsgrad: true }],
  ["AdamW", { lr: 0.05, betas: [0.8, 0.9], eps: 1e-3 }],
  ["AdamW", { lr: 0.05, amsgrad: true }],
  ["NAdam", { lr: 0.05, weight_decay: 0.1 }],
  ["NAdam", { lr: 0.05, weight_decay: 0.1, decoupled_weight_decay: true }],
  ["RAdam", { lr: 0.05 }],
  ["RMSprop", { lr: 0.05 }],
  ["RMSprop", { lr: 0.05, centered: true, momentum: 0.9, weight_decay: 0.1 }],
  ["Rprop", { lr: 0.05 }],
  ["Adagrad", { lr: 0.05, lr_decay: 0.1, initial_accumulator_value: 0.1 }],
  ["Adadelta", { lr: 0.5, weight_decay: 0.1 }],
  ["Adamax", { lr: 0.05, weight_decay: 0.1 }],
  ["ASGD", { lr: 0.05, t0: 5, weight_decay: 0.1 }],
  ["Adafactor", { lr: 0.05, weight_decay: 0.1 }],
  ["LBFGS", { lr: 0.05, max_iter: 1, history_size: 5 }],
  ["Muon", { lr: 0.05, adjust_lr_fn: "match_rms_adamw" }],
];

/** Each of them, as ours is printed and then as it is. */
function torchsOwn(): PythonCase[] {
  return OWN.flatMap(([like, options]) => {
    const opt = fromTorchConfig({ optimizer: like, ...options } as TorchConfig);
    const made = one(`${like} ${JSON.stringify(options)}`, opt, {}, 20, MATRICES);
    return [made, { ...made, how: { like, given: options } }];
  });
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
const seeded = optimizer({
  name: "seeded",
  hyper: { s: 0.3 },
  step: "u = 0.1*uniform(s)*g + normal(-s, count/3) - normal(4294967297, count - 1)",
});
/** Numbers of a step at the edges, where Python's own functions fail or give others: `x` is NaN, `y` is infinite. */
const edges = optimizer({
  name: "edges",
  step: [
    "x = 0/count; y = 1/count; z = -0.5/t; u = -0.001*t*g",
    ...[
      "exp(x)",
      "sin(x)",
      "sin(-y)",
      "cos(y)",
      "tan(y)",
      "sinh(x)",
      "cosh(x)",
      "tanh(x)",
      "log(x)",
    ]
      .map((each, k) => `u = u*where(isnan(${each}), 1, 1 + ${k + 1}/10)`),
    ...[
      "exp(709.5*t)",
      "-sinh(-710*t)",
      "cosh(710*t)",
      "1/floor(0*z)",
      "1/ceil(z)",
      "(-10*t)^401",
      "(-10*t)^400",
    ]
      .map((each, k) =>
        `u = u*where(1e300*${each} > 1e308, 1 + ${k + 1}/16, where(${each} < 0, 0.75, 1))`
      ),
  ].join("\n"),
});
const learningRate = 0.1;
/** What is told of parameters: by shape, as matrices in more axes, by number. */
const TOLD: readonly (readonly [string, Optimizer, (readonly (readonly number[])[])?])[] = [
  ["factored", adafactor({ learningRate, minDimSizeToFactor: 3 })],
  ["flattened", muon({ learningRate, matrices: "flatten" })],
  ["last two", muon({ learningRate, matrices: "last two" })],
  ["shampoo of the last two", shampoo({ learningRate, matrices: "last two" })],
  ["numbers", adamw({ learningRate: [0.1, 0.2, 0, 0.3, 1], weightDecay: 0.1 })],
  ["seeds", seeded()],
  [
    "patterns",
    partition(
      { body: lion({ learningRate }), head: galore({ learningRate, rank: 2 }) },
      { match: [["0", "body"], ["1", "body"], ["*", "head"]] },
    ),
  ],
];
const scheduled = adamw({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 15 }) });
const clipped = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));

/** By what they show: cases that one Python runs, since it takes long to begin. */
const runs = ignore ? new Map<string, PythonCase[]>() : new Map([
  ["all", cases],
  ["own", torchsOwn()],
  ["groups", [one("groups", clipped, { groups: true })]],
  ["kinds", [
    one("handedOn", handedOn(), {}),
    one("edges", edges(), {}, 3),
    one("scheduled", scheduled, {}),
    ...TOLD.map(([name, opt, shapes]) => one(name, opt, {}, 20, shapes)),
  ]],
  ["compiled", [
    one("lion", lion({ learningRate: 0.1 }), { compile: true }, 2, MATRICES),
    one("clipped", clipped, { compile: true }, 2, MATRICES),
    one("prodigy", prodigy({}), { compile: true }, 2, MATRICES),
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
    assert(largest! <= (TOLERANCE[name.split(" ")[0]] ?? 1e-6), `${name} is off by ${largest}`);
    if (run !== "all" || !isExact(name, "float64")) continue;
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
    assert(cases.length > 140, `only ${cases.length} are written`);
    assertEquals([...refused], []);
  },
});

Deno.test({
  name: "the classes of torch.optim are what those like them are",
  ignore,
  fn: () => check("own"),
});

Deno.test({
  name: "torch: a norm over two groups of parameters",
  ignore,
  fn: () => check("groups"),
});

Deno.test({
  name:
    "torch: states that are handed on, names of Python's, a schedule, masks, random numbers, matrices",
  ignore,
  fn: () => check("kinds"),
});

Deno.test({
  name: "torch.compile takes a step as one graph",
  ignore,
  fn: () => check("compiled"),
});
