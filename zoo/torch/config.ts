/** The optimizer that a PyTorch trainer's configuration says, in any of the usual shapes. */
import { quoted, shown, suggestion } from "../../dsl/errors.ts";
import { chain } from "../../runtime/chain.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { scale } from "../scale.ts";
import { partition } from "../wrappers/mod.ts";
import { Options, refuse, type TorchOptions, truthOf } from "./options.ts";
import { RULES } from "./rules.ts";

/** What a trainer's configuration says of an optimizer, in one of the usual shapes. */
export type TorchConfig =
  & TorchOptions
  & ({
    /** The class, such as `"AdamW"` or `"torch.optim.AdamW"`; its options stand beside it. */
    readonly optimizer: string;
  } | {
    /** The class, as Lightning writes it. */
    readonly class_path: string;
    /** Its options. */
    readonly init_args?: TorchOptions;
  } | {
    /** The class, as DeepSpeed writes it. */
    readonly type: string;
    /** Its options. */
    readonly params?: TorchOptions;
  });

/** What decides how PyTorch computes, and not what. */
const WITHOUT_EFFECT = ["foreach", "fused", "capturable", "differentiable"];

/**
 * The optimizer that a PyTorch trainer's configuration names, by PyTorch's rule, options and defaults:
 * `{ optimizer: "AdamW", lr: 1e-3, betas: [0.9, 0.95] }`, or as Lightning and DeepSpeed write it. `lr` may
 * be a schedule besides. `param_groups` are groups with options of their own, whose `params` are patterns of
 * parameters' paths, `*` standing for any text; the first group that fits holds, and what no group names has
 * the options of the whole. What only decides how PyTorch computes, such as `fused`, has no effect.
 *
 * L-BFGS makes one iteration a step, without a line search; Adafactor's ε is that of float32.
 *
 * @example
 * ```ts
 * import { fromTorchConfig } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = fromTorchConfig({
 *   optimizer: "AdamW",
 *   lr: 0.1,
 *   weight_decay: 0.5,
 *   param_groups: [{ params: ["*bias"], weight_decay: 0 }],
 * });
 * const params = { weight: Float32Array.of(1), bias: Float32Array.of(1) };
 * opt.step(params, { weight: Float32Array.of(0), bias: Float32Array.of(0) }, opt.init(params));
 * assertEquals([params.weight[0], params.bias[0]], [Math.fround(0.95), 1]);
 * ```
 *
 * @throws {GradusError} if there is no such class or option, or a value is of the wrong kind.
 */
export function fromTorchConfig(config: TorchConfig): Optimizer {
  const { name, options } = classOf(config);
  const { param_groups: groups, ...whole } = options;
  if (groups === undefined) return make(name, whole);
  if (!Array.isArray(groups)) {
    return refuse(`\`param_groups\` must be a list of groups: given ${shown(groups)}`);
  }
  const patterns = groups.map((group, k) => patternsOf(group, `group ${k} of \`param_groups\``));
  const optimizers = groups.map(({ params: _, ...own }, k) => [
    `group${k}`,
    make(name, { ...whole, ...own }),
  ]);
  return partition(
    Object.fromEntries([...optimizers, ["others", make(name, whole)]]),
    {
      match: [
        ...patterns.flatMap((each, k) => each.map((pattern) => [pattern, `group${k}`] as const)),
        ["*", "others"],
      ],
    },
  );
}

function patternsOf(group: unknown, what: string): readonly string[] {
  const params = typeof group === "object" && group !== null && "params" in group
    ? group.params
    : undefined;
  const patterns = typeof params === "string" ? [params] : params;
  if (Array.isArray(patterns) && patterns.every((each) => typeof each === "string")) {
    return patterns;
  }
  return refuse(`${what} must have \`params\`, patterns of paths: given ${shown(params)}`);
}

/** The class and the options of a configuration in any of its shapes. */
function classOf(config: unknown): { name: string; options: TorchOptions } {
  if (typeof config !== "object" || config === null) {
    return refuse(`it must be an object: given ${shown(config)}`);
  }
  const { optimizer, class_path, init_args, type, params, ...beside } = config as TorchOptions;
  const given = optimizer ?? class_path ?? type;
  if (typeof given !== "string") {
    return refuse(
      `it must name a class as \`optimizer\`, \`class_path\` or \`type\`: given ${shown(given)}`,
    );
  }
  const name = given.replace(/^torch\.(optim\.(\w+\.)?)?/, "");
  const exact = Object.keys(RULES).find((each) => each.toLowerCase() === name.toLowerCase());
  if (exact === undefined) {
    return refuse(`there is no class ${quoted(given)}${suggestion(name, Object.keys(RULES))}`);
  }
  for (const own of [init_args, params]) {
    if (own !== undefined && (typeof own !== "object" || own === null || Array.isArray(own))) {
      return refuse(`the options of ${exact} must be an object: given ${shown(own)}`);
    }
  }
  return { name: exact, options: { ...beside, ...init_args as object, ...params as object } };
}

function make(name: string, options: TorchOptions): Optimizer {
  const { defaults, make } = RULES[name];
  const { maximize = false, ...given } = options;
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(defaults, key) || WITHOUT_EFFECT.includes(key)) continue;
    refuse(`${name} has no option ${quoted(key)}${suggestion(key, Object.keys(defaults))}`);
  }
  const values = { ...defaults, ...given, maximize };
  const rule = make(new Options(name, values));
  return truthOf(name, "maximize", maximize) ? chain(scale({ stepSize: -1 }), rule) : rule;
}
