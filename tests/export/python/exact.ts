/** Whether an optimizer is exact, so that its file must have the same bits. */
import { elaborate, rates, rootsOf } from "../../../dsl/graph.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { postorder, symbol } from "../../../dsl/node.ts";
import { wrapped, zooOptimizers } from "../everything.ts";

/** What frameworks compute otherwise, in the last bit. */
const INEXACT: ReadonlySet<string> = new Set(["Sqrt"]);

/**
 * Whether every operation on elements is exact, and none is a sum; and, where the numbers of a step are float32,
 * whether there are none that follow the count.
 */
export function isExact(name: string, numbers: "float64" | "float32"): boolean {
  const { program, settings } = { ...zooOptimizers, ...wrapped }[name]();
  const graph = elaborate(program);
  const nodes = postorder(rootsOf(graph));
  const isScheduled = [...settings.values()].some(({ value }) => typeof value === "function");
  if (numbers === "float32" && (isScheduled || nodes.includes(symbol("count")))) return false;
  const rate = rates(rootsOf(graph), program);
  return graph.globals.length === 0 && nodes.every((node) => {
    if (["Const", "Symbol", "Zero"].includes(node.op)) return true;
    if (["const", "step"].includes(rate.get(node)!)) return true;
    return elementRow(node.op)?.ulp === 0 && !INEXACT.has(node.op);
  });
}
