/** Optimizers whose documents are known to be right, as those of the library are: each is read when it is first needed. */
import { parseProgram } from "../dsl/check.ts";
import { fix, type FixedNotes } from "../dsl/fix.ts";
import type { Document, Program } from "../dsl/program.ts";
import { factoryOf, type OptimizerFactory, type OptionsOf, type StateKindsOf } from "./define.ts";
import type { HyperNames, StateKinds } from "./trees/typed.ts";

/** What `optimizer` defines, of a document that is read later. */
export function optimizer<const D extends Document>(
  document: D,
): OptimizerFactory<OptionsOf<D>, StateKindsOf<D>> {
  return factoryOf(() => parseProgram(document));
}

/** What `fixed` makes of another's optimizers, once they are needed. */
export function fixed<
  Options = Record<string, unknown>,
  S extends StateKinds = Record<never, never>,
  Hyper extends string = HyperNames<Options>,
>(
  inner: { readonly program: Program },
  notes: FixedNotes,
  values: Readonly<Record<string, number | boolean>>,
): OptimizerFactory<Options, S, Hyper> {
  return factoryOf(() => fix(inner.program, notes, values));
}
