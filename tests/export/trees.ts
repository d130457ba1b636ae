/** Trees of arrays, taken apart and compared without the library's help. */
import { fromFloat16 } from "../../runtime/trees/dtype.ts";

/** An array of a tree. */
export interface Leaf {
  /** Keys joined by "/"; empty for a tree that is one array. */
  readonly path: string;
  readonly data: Float32Array | Float64Array | Uint16Array;
  readonly shape: readonly number[];
}

/** The arrays of a tree, keys in sorted order. */
export function leavesOf(tree: unknown): Leaf[] {
  const leaves: Leaf[] = [];
  const visit = (node: unknown, keys: readonly string[]): void => {
    const path = keys.join("/");
    if (node instanceof Float32Array || node instanceof Float64Array) {
      leaves.push({ path, data: node, shape: [node.length] });
    } else if (isTensor(node)) {
      leaves.push({ path, data: node.data, shape: node.shape });
    } else {
      for (const key of Object.keys(node as object).sort()) {
        visit((node as Record<string, unknown>)[key], [...keys, key]);
      }
    }
  };
  visit(tree, []);
  return leaves;
}

function isTensor(node: unknown): node is Omit<Leaf, "path"> {
  return ArrayBuffer.isView((node as { data?: unknown }).data);
}

/** The numbers of an array; a `Uint16Array` holds the bits of float16. */
export function numbersOf(data: Leaf["data"]): number[] {
  return data instanceof Uint16Array ? Array.from(data, fromFloat16) : Array.from(data);
}

/**
 * Where two trees differ in a number, a shape or a path, the first few of many; NaN equals NaN, and
 * 0 is not -0.
 */
export function differences(actual: unknown, expected: unknown): string[] {
  const [ours, theirs] = [leavesOf(actual), leavesOf(expected)];
  const form = (leaves: readonly Leaf[]) =>
    leaves.map(({ path, data, shape }) => `${path} ${data.constructor.name} [${shape}]`);
  if (form(ours).join() !== form(theirs).join()) {
    return [`the tree is ${form(ours).join("; ")} and not ${form(theirs).join("; ")}`];
  }
  const found = ours.flatMap(({ path, data }, i) => {
    const [values, wanted] = [numbersOf(data), numbersOf(theirs[i].data)];
    return values.flatMap((value, j) =>
      Object.is(value, wanted[j])
        ? []
        : [`${path}[${j}] is ${spell(value)}, not ${spell(wanted[j])}`]
    );
  });
  return found.length > 6 ? [...found.slice(0, 5), `and ${found.length - 5} more`] : found;
}

/** The states of an optimizer's state, without its count and hyperparameters. */
export function statesOf(state: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { optimizer: _name, count: _count, hyper: _hyper, ...states } = state;
  return states;
}

function spell(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
