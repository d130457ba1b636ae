/** Which weights of a model can have low-rank factors beside them, and why others cannot. */
import type { ModelProto, NodeProto } from "onnx-buf";
import { quoted } from "../../dsl/errors.ts";
import { adaptersIn, factorType } from "../onnx/adapters.ts";
import { type ProductWeight, weightsIn } from "../onnx/weight.ts";
import { originsOf } from "./origin.ts";
import { capturedBy, nameOf } from "./read.ts";
import { spellType } from "./value.ts";

/** A weight that can have factors. */
export interface Candidate extends ProductWeight {
  readonly products: readonly NodeProto[];
}

/** The weights of a model. */
export interface Candidates {
  /** Those that can have factors, by the names of the parameters that they were before an exporter renamed them. */
  readonly weights: ReadonlyMap<string, Candidate>;
  /** The names of these and of all initializers; one that was renamed has two. */
  readonly names: readonly string[];
  /** The name among `weights` of an initializer that is called so. */
  nameOf(initializer: string): string;
  /** Why an initializer is none of them. */
  refusalOf(name: string): string;
}

/** Finds them: what is read by products of matrices alone, and by all of them alike, so that factors can be added to it. */
export function candidatesIn(model: ModelProto): Candidates {
  const { node: nodes, initializer, output } = model.graph!;
  const weightOf = weightsIn(model.graph!);
  const readers = new Map<string, NodeProto[]>();
  for (const node of nodes) {
    for (const name of new Set([...node.input, ...capturedBy(node)])) {
      if (!readers.has(name)) readers.set(name, []);
      readers.get(name)!.push(node);
    }
  }
  const products = new Map<string, [NodeProto, ProductWeight][]>();
  for (const node of nodes) {
    const weight = weightOf(node);
    if (weight === undefined || factorType(weight.type) === undefined) continue;
    const { name } = weight.tensor;
    products.set(name, [...products.get(name) ?? [], [node, weight]]);
  }
  const adapted = new Set(adaptersIn(model).map(({ weight }) => weight.tensor.name));
  const outputs = new Set(output.map(({ name }) => name));
  const refusalOf = (name: string): string | undefined => {
    if (adapted.has(name)) return "it has factors already";
    const own = products.get(name) ?? [];
    const ways = new Set([name, ...own.flatMap(([, { way }]) => way)]);
    const isProduct = new Set(own.map(([node]) => node));
    for (const value of ways) {
      if (outputs.has(value)) return `${quoted(value)} is an output of the model`;
      const other = readers.get(value)?.find((node) =>
        isProduct.has(node) ? node.input[0] === value : !node.output.some((each) => ways.has(each))
      );
      if (other !== undefined) {
        return `operator ${other.opType} at ${quoted(nameOf(other))} reads it`;
      }
    }
    const [first, ...rest] = own.map(([, weight]) => weight);
    if (first === undefined) return "no product reads it";
    const isAlike = rest.every(({ type, isTurned, factor }) =>
      type === first.type && isTurned === first.isTurned && factor === first.factor
    );
    return isAlike ? undefined : "its products read it in different ways";
  };
  const all = initializer.map(({ name }) => name);
  const origins = originsOf(model.graph!);
  const parameterOf = (name: string): string => {
    const [own, ...others] = origins?.madeOf.get(name) ?? [];
    return own === undefined || others.length > 0 || all.includes(own) ? name : own;
  };
  const weights = new Map<string, Candidate>();
  for (const [name, own] of products) {
    if (refusalOf(name) !== undefined) continue;
    weights.set(parameterOf(name), { ...own[0][1], products: own.map(([node]) => node) });
  }
  return {
    weights,
    names: [...new Set([...all.map(parameterOf), ...all])],
    nameOf: parameterOf,
    refusalOf: (name) => {
      const { dataType, dims } = initializer.find((each) => each.name === name)!;
      return `factors are put beside weights that MatMul, Gemm or MatMulNBits alone read: given ` +
        `${spellType(dataType)} of shape [${dims.join(", ")}], and ${refusalOf(name)}`;
    },
  };
}
