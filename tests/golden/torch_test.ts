/** PyTorch's rules against `torch.optim` itself, in float64 to 1e-12: the cases of zoo2026.json that are its. */
import { adamw, fromTorchConfig, type Optimizer, type TorchConfig } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { difference, type Numbers, pick, tensor, zoo2026, type ZooCase } from "./zoo2026.ts";

const TOLERANCE = 1e-12;

/** The options of a case: in float64, PyTorch's ε of Adafactor is that of the type. */
function configOf({ fn, args: { objective: _, lr, ...args } }: ZooCase): TorchConfig {
  const eps = Array.isArray(args.eps) ? { eps: [args.eps[0] ?? 2 ** -52, args.eps[1]] } : {};
  // Its history holds all pairs that there are.
  const history = args.history_size === 100 ? { history_size: 12 } : {};
  return { optimizer: fn === "muon.torch" ? "Muon" : fn, lr, ...args, ...eps, ...history };
}

const cases = zoo2026.cases.filter(({ fn, dtype }) =>
  (fn.startsWith("torch.") || fn === "muon.torch") && dtype === "float64"
);
const streams = cases.filter(({ args }) => args.objective !== "quadratic");

for (const each of streams) {
  const named = Object.entries(each.args).map(([name, value]) => `${name}=${value}`).join(", ");
  Deno.test(`${each.fn}(${named}) is PyTorch's`, () => {
    for (const backend of ["interpreter", "wasm"] as const) {
      const largest = difference(
        fromTorchConfig(configOf(each)).with({ backend }),
        each,
        each.leaves,
      );
      assert(largest <= TOLERANCE, `${backend} is off by ${largest}`);
    }
  });
}

Deno.test("torch.LBFGS on a quadratic is PyTorch's, and stands where it has converged", () => {
  const each = cases.find(({ args }) => args.objective === "quadratic")!;
  const opt: Optimizer = fromTorchConfig(configOf(each));
  const params = pick(zoo2026.meta.params0, each.leaves);
  const curvature = pick(each.aux!.curvature as Record<string, Numbers>, each.leaves);
  const state = opt.init(params);
  each.trajectory.forEach((expected, t) => {
    const gradients = Object.fromEntries(
      each.leaves.map((name) => [
        name,
        {
          data: Float64Array.from(params[name].data, (x, i) => Number(x) * curvature[name].data[i]),
          shape: params[name].shape,
        },
      ]),
    );
    opt.step(params, gradients, state);
    for (const name of each.leaves) {
      tensor(expected[name]).data.forEach((value: number, i: number) => {
        const distance = Math.abs(params[name].data[i] - value);
        assert(distance <= TOLERANCE, `step ${t}, ${name}: off by ${distance}`);
      });
    }
  });
});

Deno.test("every class of torch.optim that has cases has one that ran", () => {
  assertEquals(
    [...new Set(cases.map(({ fn }) => fn.replace(/torch\.|\.torch/, "")))].sort(),
    [
      "ASGD",
      "Adafactor",
      "Adagrad",
      "Adam",
      "AdamW",
      "LBFGS",
      "NAdam",
      "RAdam",
      "Rprop",
      "SGD",
      "muon",
    ],
  );
});

Deno.test("configurations are read as trainers write them", () => {
  const stepped = (config: TorchConfig) => {
    const opt = fromTorchConfig(config);
    const params = { body: Float64Array.of(1, -2), norm: Float64Array.of(3) };
    const state = opt.init(params);
    for (let t = 0; t < 3; t++) {
      opt.step(params, { body: Float64Array.of(0.5, t), norm: Float64Array.of(-1) }, state);
    }
    return params;
  };
  const options = { lr: 0.1, betas: [0.8, 0.9], weight_decay: 0.2 };
  const flat = stepped({ optimizer: "AdamW", ...options, fused: true });
  assertEquals(stepped({ class_path: "torch.optim.AdamW", init_args: options }), flat);
  assertEquals(stepped({ type: "adamw", params: options }), flat);
  const opt = adamw({ learningRate: 0.1, b1: 0.8, b2: 0.9, weightDecay: 0.2, like: "torch" });
  assertEquals(opt.program.name, fromTorchConfig({ optimizer: "AdamW" }).program.name);
  // Gradients of what is to grow are turned round.
  const up = stepped({ optimizer: "SGD", lr: 0.5, maximize: true });
  assertEquals([up.body[0], up.norm[0]], [1.75, 1.5]);
  const groups = stepped({
    optimizer: "AdamW",
    ...options,
    param_groups: [{ params: ["norm"], weight_decay: 0 }, { params: "body", lr: 0 }],
  });
  assertEquals(groups.body, Float64Array.of(1, -2));
  assertEquals(groups.norm, stepped({ optimizer: "AdamW", ...options, weight_decay: 0 }).norm);
});

Deno.test("configurations that mean nothing are refused", () => {
  const what = "Cannot make an optimizer of a PyTorch configuration";
  const refused = (config: unknown, message: string) =>
    assertRefused(() => fromTorchConfig(config as TorchConfig), `${what}: ${message}`);
  refused({ optimizer: "AdamWW" }, "there is no class `AdamWW`; did you mean `AdamW`?");
  refused(
    { optimizer: "SGD", lr: 1, momentun: 0.9 },
    "SGD has no option `momentun`; did you mean `momentum`?",
  );
  refused({ optimizer: "SGD", lr: "1e-3" }, '`lr` of SGD must be a number: given "1e-3"');
  refused(
    { optimizer: "Adam", betas: 0.9 },
    "`betas` of Adam must be a pair of numbers: given 0.9",
  );
  refused({ lr: 1 }, "it must name a class");
  refused({ optimizer: "Adam", param_groups: [{ lr: 1 }] }, "group 0 of `param_groups` must have");
  refused({ optimizer: "LBFGS", max_iter: 20 }, "`max_iter` of LBFGS must be 1");
});
