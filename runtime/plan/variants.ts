/** Plans of a program, made once per structural variant and shared by everything that runs it. */
import { elaborate, type Graph } from "../../dsl/graph.ts";
import type { Program } from "../../dsl/program.ts";
import type { VariantKey } from "./forms.ts";
import { Memo, spellStructural } from "./memo.ts";
import type { Plan } from "./plan.ts";
import { draftsOf } from "./stages.ts";

/** A program with its structural hyperparameters taken in, and its plan. */
export interface Variant {
  readonly graph: Graph;
  readonly plan: Plan;
}

const variants = new Memo<Variant>();

/** The variant of `program` for `key`. */
export function variantOf(program: Program, key: VariantKey): Variant {
  const { structural, live, mode, axes, backend, dtypes, globals } = key;
  const count = elaborate(program).globals.length;
  const text = JSON.stringify([
    ...[spellStructural(structural), key.guards, [...live], mode, axes, backend, dtypes],
    globals === undefined || globals.size === count ? "all" : [...globals],
  ]);
  return variants.get(program, text, () => {
    const { graph, plan } = draftsOf(program, key).at(-1)!;
    return { graph, plan: plan! };
  });
}
