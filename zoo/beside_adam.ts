/** Optimizers of matrices beside AdamW, which takes all other parameters. */
import { parseProgram } from "../dsl/check.ts";
import { type Node, replaceSymbols } from "../dsl/node.ts";
import { printProgram, printStatements } from "../dsl/print.ts";
import type { Program, Statement } from "../dsl/program.ts";
import { weave, type Wrapper } from "../dsl/weave.ts";
import {
  deciding,
  factory,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { bind } from "../runtime/optimizer.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";
import type { StateStorage } from "../runtime/trees/state_storage.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { adamw } from "./adam.ts";

/** What is stepped by AdamW, and how: options of {@linkcode muon} and others. */
export interface WithAdamOptions extends MaskOption, MuDTypeOption {
  /**
   * Which parameters are stepped as matrices, given as a mask is, and how: {@linkcode Matrices}. All others go to
   * AdamW. Default `true`, as in Optax: parameters of two axes. Those of more, such as the kernel of a
   * convolution, are matrices only where this says how: `"flatten"` makes of `[3, 3, 4, 8]` one of 36 x 8, as the
   * paper does; `"last two"` 9 of 4 x 8; `{ reductionAxis: [1, 2, 3], outputAxis: 0 }` takes a kernel that has its
   * outputs first, as PyTorch's. `explain` shows what each parameter is seen as.
   */
  matrices?: MatricesOption;
  /** AdamW's step size. Default: `learningRate`. */
  adamLearningRate?: HyperValue;
  /** AdamW's β1. Default 0.9. */
  adamB1?: HyperValue;
  /** AdamW's β2. Default 0.999. */
  adamB2?: HyperValue;
  /** Added inside AdamW's root. Default 0. */
  adamEpsRoot?: HyperValue;
  /** AdamW's weight decay, which no mask limits. Default 0. */
  adamWeightDecay?: HyperValue;
}

/** AdamW's hyperparameters beside others. */
export type AdamHyper = `${"learningRate" | "b1" | "b2" | "eps" | "epsRoot" | "weightDecay"}_adam`;

/** A program that says what becomes of a matrix, `o`; other parameters go to AdamW. */
export function besideAdam(wrapper: Omit<Wrapper, "after">): Program {
  const { program } = weave(
    {
      ...wrapper,
      hyper: { ...wrapper.hyper, matrices: true },
      after: "u = where(matrices & rank == 2, o, u)",
    },
    adamw.program,
    "adam",
  );
  const { name, doc, source } = wrapper;
  const document = { ...printProgram(program), name, doc, source };
  return parseProgram({ ...document, step: printStatements(withoutLocals(program)) });
}

/** The statements of a program with what is AdamW's own put where it is read: no more lines than it needs. */
function withoutLocals({ statements, state }: Program): Statement[] {
  const known = new Map<string, Node>();
  return statements.flatMap(({ target, value }, i) => {
    const put = replaceSymbols(value, known);
    const isLocal = /_adam$/.test(target) && !state.has(target) ||
      target === "u" && i < statements.length - 1;
    if (!isLocal) return [{ target, value: put }];
    known.set(target, put);
    return [];
  });
}

/** Options as they are given to what {@linkcode besideAdam} has made. */
type Given = WithAdamOptions & {
  nesterov?: boolean;
  learningRate?: HyperValue;
  eps?: HyperValue;
};

/**
 * Optimizers of the program that {@linkcode besideAdam} makes by those options which are named in `form`; others
 * are hyperparameters of it, or stand for what it has under names of AdamW's.
 */
export function withAdam<Options, S extends StateKinds, Hyper extends string>(
  programOf: (options: Options, doing: string) => Program,
  form: readonly string[],
): OptimizerFactory<Options, S, Hyper> {
  const namesFor = (usual: Program) => [
    ...namesOf(usual).filter((name) => !name.endsWith("_adam")),
    ...form,
    ...["adamLearningRate", "adamB1", "adamB2", "adamEpsRoot", "adamWeightDecay"],
  ];
  const resolve = (options: Options, doing: string) => {
    const program = programOf(options, doing);
    const { adamLearningRate, adamB1, adamB2, adamEpsRoot, adamWeightDecay, ...others } = Object
      .fromEntries(
        Object.entries(options as object).filter(([name]) => !form.includes(name)),
      ) as Given;
    const adam = {
      learningRate_adam: adamLearningRate ?? others.learningRate,
      b1_adam: adamB1,
      b2_adam: adamB2,
      eps_adam: others.eps,
      epsRoot_adam: adamEpsRoot,
      weightDecay_adam: adamWeightDecay ?? 0,
      nesterov_adam: others.nesterov ?? program.hyper.get("nesterov") ?? false,
    };
    const decide = (given: Record<string, unknown>) => ({ ...given, ...adam });
    const made = deciding(factory(program), Object.keys(adam), [], decide)({ ...others });
    // The type of the momentum is that of AdamW's too.
    const type = made.storage.get("m");
    if (type === undefined) return made;
    const storage: StateStorage = new Map([["m", type], ["m_adam", type]]);
    return bind({ program: made.program, settings: made.settings, storage });
  };
  return resolving<Options, S, Hyper>(() => programOf({} as Options, ""), resolve, namesFor);
}
