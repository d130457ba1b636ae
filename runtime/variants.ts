/** Plans of a program, made once per structural variant and shared by everything that runs it. */
import {
  elaborate,
  type Graph,
  mapGraph,
  rootsOf,
  specialise,
  type Structural,
} from "../dsl/graph.ts";
import { lower } from "../dsl/lower.ts";
import type { Program } from "../dsl/program.ts";
import { globalLevels, type Mode, type Plan, plan } from "./plan.ts";

/**
 * What runs the loops: WebAssembly SIMD, compiled JavaScript, or the interpreter that defines what
 * they mean. What one of the first two cannot run, the next does.
 */
export type Backend = "wasm" | "js" | "interpreter";

/** What tells one plan of a program from another. */
export interface VariantKey {
  readonly structural: Structural;
  readonly live: ReadonlySet<string>;
  readonly mode: Mode;
  readonly rank: number;
  readonly backend: Backend;
  /** The types computed with and stored in, since compiled loops depend on them. */
  readonly dtypes: string;
}

/** A program with its structural hyperparameters taken in, and its plan. */
export interface Variant {
  readonly graph: Graph;
  readonly plan: Plan;
}

const variants = new WeakMap<Program, Map<string, Variant>>();

/** The variant of `program` for `key`. */
export function variantOf(program: Program, key: VariantKey): Variant {
  const { structural, live, mode, rank, backend, dtypes } = key;
  const known = [...structural].map(([name, node]) => [name, node.id]);
  const text = JSON.stringify([known, [...live], mode, rank, backend, dtypes]);
  let made = variants.get(program);
  if (made === undefined) variants.set(program, made = new Map());
  let variant = made.get(text);
  if (variant === undefined) {
    const whole = elaborate(program);
    const graph = spelled(specialise(whole, structural), backend);
    variant = { graph, plan: plan(program, graph, live, globalLevels(whole), mode, rank) };
    made.set(text, variant);
  }
  return variant;
}

function spelled(graph: Graph, backend: Backend): Graph {
  if (backend === "interpreter") return graph;
  return mapGraph(graph, lower(rootsOf(graph), backend, backend === "wasm"));
}
