/** What exporters do to parameters without saying so: weights under other names, and equal ones made one. */
import type { NodeProto, TensorProto } from "onnx-buf";
import { quoted } from "../../dsl/errors.ts";
import { type Origins, originsOf } from "./origin.ts";
import { statisticsIn } from "./params.ts";
import type { GraphProto } from "./read.ts";
import { isFloat } from "./value.ts";

const MOST_SHOWN = 4;

/** How to export a model whose parameters all have their own names. */
const REMEDY =
  "export with `optimize=False`, or with `dynamo=False, do_constant_folding=False`, to train each " +
  "under its own name";

/** Names that exporters make up for what they have computed. */
const MADE_UP = /^val_\d+$|^onnx::|^\/|_output_\d+$|^[^.]*_\d+$/;

/** What may not be meant where these initializers are trained. */
export function warningsOf(graph: GraphProto, trained: readonly string[]): string[] {
  const isTrained = new Set(trained);
  const origins = originsOf(graph);
  return [
    ...(origins === undefined ? renamed(graph, isTrained) : folded(graph, origins, isTrained)),
    ...merged(graph, isTrained),
    ...(origins === undefined ? scalars(graph, isTrained) : []),
  ];
}

/** What the exporter says that it has done. */
function folded(
  { initializer }: GraphProto,
  { madeOf, fused }: Origins,
  isTrained: ReadonlySet<string>,
): string[] {
  const said = initializer.flatMap(({ name, dims }) => {
    const all = madeOf.get(name);
    if (all === undefined || !isTrained.has(name)) return [];
    return [`${quoted(name)} of ${dims.join("x")} was made of ${all.map(quoted).join(", ")}`];
  });
  for (const name of fused) {
    said.push(`a normalisation was folded into the convolution by ${quoted(name)}`);
  }
  return changes(said);
}

function changes(said: readonly string[]): string[] {
  if (said.length === 0) return [];
  const more = said.length > MOST_SHOWN ? `; and ${said.length - MOST_SHOWN} more` : "";
  return [
    `The exporter has changed parameters: ${
      said.slice(0, MOST_SHOWN).join("; ")
    }${more}: ${REMEDY}`,
  ];
}

function renamed({ node, initializer }: GraphProto, isTrained: ReadonlySet<string>): string[] {
  const tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
  const readers = readersOf(node);
  const said: string[] = [];
  for (const tensor of initializer) {
    const isOwn = !MADE_UP.test(tensor.name) || !isTrained.has(tensor.name);
    if (isOwn || tensor.dims.length < 2) continue;
    const missing = readers.get(tensor.name)?.map((reader) =>
      missingWeight(reader, tensors, readers)
    ).find((name) => name !== undefined);
    const what = `${quoted(tensor.name)} of ${tensor.dims.join("x")}`;
    said.push(
      missing === undefined
        ? `${what} may be a parameter that was transposed, gathered or joined with another`
        : `${quoted(missing)} is not there; ${what} may be it, transposed`,
    );
  }
  return changes(said);
}

/** The weight that belongs to the bias which is added to a product, if it is not there. */
function missingWeight(
  reader: NodeProto,
  tensors: ReadonlyMap<string, TensorProto>,
  readers: ReadonlyMap<string, readonly NodeProto[]>,
): string | undefined {
  const added = reader.opType === "Gemm" || reader.opType === "Conv"
    ? [reader]
    : readers.get(reader.output[0])?.filter(({ opType }) => opType === "Add") ?? [];
  const bias = added.flatMap(({ input }) => input).find((name) =>
    tensors.has(name) && name.endsWith(".bias")
  );
  const weight = bias?.replace(/\.bias$/, ".weight");
  return weight === undefined || tensors.has(weight) ? undefined : weight;
}

function merged({ node }: GraphProto, isTrained: ReadonlySet<string>): string[] {
  const readers = readersOf(node);
  /** Those of a value and of its copies. */
  const allOf = (name: string): readonly NodeProto[] => {
    const names = [name];
    for (const each of names) {
      for (const { opType, output } of readers.get(each) ?? []) {
        if (opType === "Identity") names.push(output[0]);
      }
    }
    return names.flatMap((each) => readers.get(each) ?? []);
  };
  const said: string[] = [];
  for (const name of isTrained) {
    // A table that is read twice may be meant; a normalisation has its own parameters.
    const norms = allOf(name).filter(({ opType }) => opType.includes("Normalization"));
    if (norms.length > 1) {
      said.push(`${quoted(name)} is read by ${norms.length} ${norms[0].opType}`);
    }
  }
  if (said.length === 0) return [];
  return [
    `The exporter may have made one of parameters that were equal, which are trained as one then: ` +
    `${said.slice(0, MOST_SHOWN).join("; ")}: export a model whose parameters differ, or with ` +
    `\`optimize=False\``,
  ];
}

function scalars(graph: GraphProto, isTrained: ReadonlySet<string>): string[] {
  const statistics = statisticsIn(graph);
  const said = graph.initializer.filter(({ name, dims, dataType }) =>
    dims.length === 0 && isFloat(dataType) && !isTrained.has(name) && !statistics.has(name) &&
    !MADE_UP.test(name) &&
    !/constant|scalar/i.test(name)
  ).map(({ name }) => quoted(name));
  if (said.length === 0) return [];
  return [
    `Numbers alone are taken for constants and not trained: ${
      said.slice(0, MOST_SHOWN).join(", ")
    }: name ` +
    `one in \`params\` to train it`,
  ];
}

/** The nodes that read each value. */
function readersOf(nodes: readonly NodeProto[]): Map<string, NodeProto[]> {
  const readers = new Map<string, NodeProto[]>();
  for (const reader of nodes) {
    for (const name of reader.input) {
      if (!readers.has(name)) readers.set(name, []);
      readers.get(name)!.push(reader);
    }
  }
  return readers;
}
