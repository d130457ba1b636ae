/** The optimizers of the library by their names, as a user writes them. */
import type { OptimizerFactory } from "../runtime/define.ts";
import * as zoo from "./mod.ts";

/** The built-in optimizers, by name. */
export const BUILT_IN: ReadonlyMap<string, OptimizerFactory<never>> = new Map(
  Object.entries(zoo as Readonly<Record<string, unknown>>)
    .filter((entry): entry is [string, OptimizerFactory<never>] =>
      typeof entry[1] === "function" && "program" in entry[1]
    ),
);
