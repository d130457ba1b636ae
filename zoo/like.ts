/** The option that takes a rule with the defaults and in the form that PyTorch has it in. */
import { deciding, type OptimizerFactory } from "../runtime/define.ts";
import { requireChoice } from "../runtime/options.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";

/** What takes a rule as another library has it. */
export interface LikeOption {
  /**
   * `"torch"` takes the defaults and the form that `torch.optim` has, as the comment of the optimizer
   * says; options that are given win over its defaults. Default: those of Optax.
   */
  like?: "torch";
}

/** `inner`, which takes PyTorch's `defaults` where its option `like` asks for them. */
export function withTorch<Options, S extends StateKinds, Hyper extends string>(
  inner: OptimizerFactory<Options, S, Hyper>,
  defaults: Readonly<Record<string, unknown>> = {},
): OptimizerFactory<Options & LikeOption, S, Hyper> {
  return deciding<Options & LikeOption, S, Hyper>(
    inner as unknown as OptimizerFactory<Record<string, unknown>>,
    [],
    ["like"],
    ({ like, ...given }, doing) =>
      isTorch(like, doing) ? { ...defaults, ...defined(given) } : given,
  );
}

/** Whether the option `like` asks for PyTorch's rule. */
export function isTorch(like: unknown, doing: string): boolean {
  if (like === undefined) return false;
  requireChoice("like", like, ["torch"], doing);
  return true;
}

/** The options that are given a value. */
export function defined(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
