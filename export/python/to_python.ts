/** Makes of an optimizer a file of Python. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import { requireOptimizer } from "../../runtime/wrap.ts";
import { described, rulesByKey } from "./described.ts";
import { goldenOf } from "./golden.ts";
import { className, isPythonName, snakeCase } from "./names.ts";
import { kerasFile, kerasSpelling } from "./keras.ts";
import { mlxFile, mlxSpelling } from "./mlx.ts";
import { optaxFile } from "./optax.ts";
import { optaxSpelling } from "./optax_spelling.ts";
import { torchFile } from "./torch.ts";
import { torchSpelling } from "./torch_spelling.ts";

const FRAMEWORKS = {
  torch: { spelling: torchSpelling, file: torchFile, nameOf: className },
  optax: { spelling: optaxSpelling, file: optaxFile, nameOf: snakeCase },
  mlx: { spelling: mlxSpelling, file: mlxFile, nameOf: className },
  keras: { spelling: kerasSpelling, file: kerasFile, nameOf: className },
} as const;

/** A framework that a file can be for. */
export type PythonTarget = "torch" | "optax" | "mlx" | "keras";

/** All of them. */
export const FRAMEWORK_NAMES: readonly string[] = Object.keys(FRAMEWORKS);

/** How a file is written. */
export interface PythonOptions {
  /** The framework: `"torch"`, `"optax"`, `"mlx"` or `"keras"`. */
  readonly to: PythonTarget;
  /** The name of the class or function. Default: the program's, as the framework writes such names. */
  readonly name?: string;
  /**
   * Hyperparameters that have no default in Python: the optimizer's own numbers are for its self-test alone.
   * Default: none.
   */
  readonly required?: readonly string[];
}

/**
 * An optimizer as the source of a Python module, which needs nothing but its framework. Its docstring has the
 * equations, and `python FILE` compares it with numbers made here. What is 0 or a truth value is taken in for good;
 * all other hyperparameters are options there, by their names in snake case (torch's `lr` for the learning rate),
 * and so is a schedule, which a number may replace.
 *
 * For torch it is a `torch.optim.Optimizer`: element-wise operations are `torch._foreach_*`, all else goes tensor by
 * tensor, and `torch.compile(fullgraph=True)` compiles it. In float32 it has the same bits as here where every
 * operation is exact, and is within 1e-6 otherwise. For Optax it is a `GradientTransformationExtraArgs`, whose
 * options may be schedules and trees too, with a function beside it of what to evaluate with. For MLX and Keras 3 it
 * is a subclass of their `Optimizer`, and says less.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { toPython } from "@gradus/gradus/python";
 * import { assert } from "@std/assert";
 *
 * const text = toPython(lion({ learningRate: 1e-4 }), { to: "torch" });
 * assert(text.includes("class Lion(torch.optim.Optimizer):"));
 * assert(text.includes("c = _add(_mul(b1, m), _mul(1 - b1, g))"));
 * ```
 *
 * Masks and trees of numbers are told by the names of parameters, for torch: `named_parameters()` gives them.
 *
 * @throws {GradusError} if a hyperparameter is a function without an expression, or a mask is a function; if a state
 * is stored as the framework has no tensors, or an operation has no spelling there.
 */
export function toPython(optimizer: Optimizer, options: PythonOptions): string {
  requireOptimizer(optimizer, "the optimizer", "Cannot write Python");
  const { program } = optimizer;
  const doing = `Cannot write "${program.name}" as Python`;
  const { to, name: given, required = [], ...others } = ownOptions(
    options,
    doing,
  ) as unknown as PythonOptions;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    const near = suggestion(unknown, ["to", "name", "required"]);
    throw new GradusError(`${doing}: there is no option ${quoted(unknown)}${near}`);
  }
  if (!Object.hasOwn(FRAMEWORKS, to)) {
    const known = FRAMEWORK_NAMES.map(quoted).join(", ");
    const near = typeof to === "string" ? suggestion(to, FRAMEWORK_NAMES) : "";
    throw new GradusError(`${doing}: \`to\` must be one of ${known}: given ${shown(to)}${near}`);
  }
  const { spelling, file, nameOf } = FRAMEWORKS[to];
  const name = given ?? nameOf(program.name);
  if (!isPythonName(name)) {
    throw new GradusError(
      `${doing}: \`name\` must be a name of Python's that no word or module has: given ${
        shown(name)
      }`,
    );
  }
  const told = described(optimizer, required, spelling, doing);
  return file(told, name, goldenOf(optimizer, [...rulesByKey(told).values()]));
}
