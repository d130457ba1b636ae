/** How trees stand in a checkpoint: what each tensor is called, and what lies around the tensors. */
import type { DType } from "../../runtime/trees/dtype.ts";
import { scalesOf } from "../../runtime/trees/block8.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import { under } from "../../runtime/trees/plain.ts";
import type { SafeDType } from "./dtypes.ts";

/**
 * The paths of a tree's leaves, in their order, as JSON pointers, so that no two leaves have one path, and
 * none ends in a `~`.
 */
export function pathsOf(layout: Layout): readonly string[] {
  const paths: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node === "number") paths[node] = path;
    else for (const [key, below] of Object.entries(node as object)) visit(below, under(path, key));
  };
  visit(numbersIn(layout), "");
  return paths;
}

/** What an array of a type is called in a file. */
export function safeDType(dtype: DType): SafeDType {
  if (dtype === "float64") return "F64";
  if (dtype === "float32") return "F32";
  if (dtype === "block8") return "U8";
  return dtype === "float16" ? "F16" : "BF16";
}

/** The second tensor of a state that is stored as two: further bits, or scales. */
export function secondOf(
  name: string,
  dtype: DType,
  shape: readonly number[],
):
  | { readonly name: string; readonly dtype: SafeDType; readonly shape: readonly number[] }
  | undefined {
  if (dtype === "bfloat16+8") return { name: `${name}~low`, dtype: "U8", shape };
  if (dtype !== "block8") return undefined;
  return { name: `${name}~scales`, dtype: "F32", shape: [scalesOf(sizeOf(shape))] };
}

/** Whether a tensor of this name is the second of a state, whose numbers the first one counts. */
export function isSecond(name: string): boolean {
  return name.endsWith("~low") || name.endsWith("~scales");
}

/** A tree like `tree`, which has this layout, with `leaves` in their order, and its keys in theirs. */
export function rebuilt(tree: unknown, layout: Layout, leaves: readonly unknown[]): unknown {
  const visit = (node: unknown, number: unknown): unknown => {
    if (typeof number === "number") return leaves[number];
    const [nodes, numbers] = [node, number] as Readonly<Record<string, unknown>>[];
    if (Array.isArray(node)) return node.map((each, i) => visit(each, numbers[i]));
    return Object.fromEntries(
      Object.keys(nodes).map((key) => [key, visit(nodes[key], numbers[key])]),
    );
  };
  return visit(tree, numbersIn(layout));
}

/** A tree of the numbers of the leaves. */
function numbersIn(layout: Layout): unknown {
  return layout.build(layout.leaves.map((_, i) => i));
}
