/** What an exporter says of where initializers come from: PyTorch's newer one tells parameters from buffers. */
import type { StringStringEntryProto } from "onnx-buf";
import type { GraphProto } from "./read.ts";

/** What is said of the initializers of a model. */
export interface Origins {
  /** The parameters that the model had before it was exported. */
  readonly params: ReadonlySet<string>;
  /** The parameters that an initializer was computed of, by its name; not those that are themselves. */
  readonly madeOf: ReadonlyMap<string, readonly string[]>;
  /** The convolutions that a normalisation was folded into, by the names of their weights. */
  readonly fused: readonly string[];
}

const SIGNATURE = "pkg.torch.export.ExportedProgram.graph_signature";
const FOLDED = "pkg.onnxscript.optimizer.folded_from";
const RULE = "pkg.onnxscript.rewriter.rule_name";

/** What a model's file says; undefined if it says nothing, or nothing that is still so. */
export function originsOf(graph: GraphProto): Origins | undefined {
  const signature = saidOf(graph, SIGNATURE);
  if (signature === undefined) return undefined;
  const params = new Set(
    Array.from(signature.matchAll(/: PARAMETER\b.*? target='([^']*)'/g), ([, name]) => name),
  );
  const folded = new Map<string, readonly string[]>();
  for (const value of graph.valueInfo) {
    const text = saidOf(value, FOLDED);
    if (text === undefined) continue;
    folded.set(value.name, Array.from(text.matchAll(/'([^']*)'/g), ([, name]) => name));
  }
  const madeOf = new Map<string, readonly string[]>();
  for (const { name } of graph.initializer) {
    const sources = new Set(folded.get(name) ?? []);
    for (const each of sources) for (const other of folded.get(each) ?? []) sources.add(other);
    const all = [...sources].filter((each) => params.has(each));
    if (all.length > 0 && !params.has(name)) madeOf.set(name, all);
  }
  const isKnown = graph.initializer.some(({ name }) => params.has(name) || madeOf.has(name));
  const fused = graph.node.flatMap((node) =>
    saidOf(node, RULE)?.includes("BatchNormIntoConv") ? node.input.slice(1, 2) : []
  );
  return isKnown ? { params, madeOf, fused } : undefined;
}

function saidOf(
  { metadataProps }: { readonly metadataProps: readonly StringStringEntryProto[] },
  key: string,
): string | undefined {
  return metadataProps.find((each) => each.key === key)?.value;
}
