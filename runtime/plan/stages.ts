/** The stages from a program to the plan of its loops: this list is what is done, in this order. */
import { elaborate, type Graph, mapGraph, rootsOf } from "../../dsl/graph.ts";
import { lower } from "../../dsl/lower.ts";
import type { Program } from "../../dsl/program.ts";
import { settleAxes } from "./axes.ts";
import { formedInFloat32 } from "./counts.ts";
import type { Planned } from "./infer.ts";
import { globalLevels, type Plan, plan } from "./plan.ts";
import { formOf, type VariantKey } from "./forms.ts";

/** What a program has become so far. */
export interface Draft {
  readonly program: Planned;
  readonly graph: Graph;
  readonly plan?: Plan;
}

/** One stage. */
export interface Stage {
  readonly name: string;
  /** What holds of a draft from here on. */
  readonly invariant: string;
  run(draft: Draft, program: Program, key: VariantKey): Draft;
}

/** What is done to a program before its loops are rendered. */
export const STAGES: readonly Stage[] = [
  {
    name: "elaborate",
    invariant:
      "A value is one node, however often it is used, and has no name but those of symbols.",
    run: (draft, program) => ({ ...draft, graph: elaborate(program) }),
  },
  {
    name: "specialise",
    invariant:
      "Nothing is left that a hyperparameter decides for good, or a condition of this step.",
    run: (draft, program, key) => ({ ...draft, graph: formOf(program, key) }),
  },
  {
    name: "settle axes",
    invariant: "Every list of axes is of numbers from 0: some of the axes, and not all; " +
      "what takes the shape that it is used in has it.",
    run: ({ program, graph }, _, { live, axes, structural }) =>
      settleAxes(program, graph, live, axes, structural),
  },
  {
    name: "form powers",
    invariant: "No power by what counts is left for float32 that would lose its digits there.",
    run: (draft, program, { backend }) =>
      backend === "wgsl" ? { ...draft, graph: formedInFloat32(program, draft.graph) } : draft,
  },
  {
    name: "lower",
    invariant: "Every operation is one that the backend can spell.",
    run: (draft, _, { backend }) => {
      if (backend === "interpreter") return draft;
      const { graph } = draft;
      return {
        ...draft,
        graph: mapGraph(graph, lower(rootsOf(graph), backend, backend === "wasm")),
      };
    },
  },
  {
    name: "plan",
    invariant: "A loop reads nothing that an earlier loop, phase or product has not left.",
    run: (draft, whole, { live, mode, axes, globals }) => {
      const levels = globalLevels(elaborate(whole));
      const { program, graph } = draft;
      return { ...draft, plan: plan(program, graph, live, levels, mode, axes.length, globals) };
    },
  },
];

/** What each stage makes of a program. */
export function draftsOf(program: Program, key: VariantKey): readonly Draft[] {
  const drafts: Draft[] = [];
  let draft: Draft = { program, graph: elaborate(program) };
  for (const stage of STAGES) drafts.push(draft = stage.run(draft, program, key));
  return drafts;
}
