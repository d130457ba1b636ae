/** Which options torch has for each leaf, and which leaves have the same. */
import type { LeafInfo } from "../../../runtime/trees/leaf.ts";
import type { Numbers } from "./fields.ts";
import type { TorchRule } from "./rules.ts";

/** The options of a leaf as torch has them. */
export function optionsOf(
  rule: TorchRule,
  numbers: Numbers,
  { shape }: LeafInfo,
): Record<string, unknown> {
  return Object.fromEntries(
    rule.fields.map(({ key, to }) => [key, to(numbers, shape)])
      .filter(([, value]) => value !== undefined),
  );
}

/** The leaves that have the same options, in the order of the tree. */
export function groupsOf(
  order: readonly number[],
  options: readonly Record<string, unknown>[],
): number[][] {
  const groups = new Map<string, number[]>();
  order.forEach((leaf, id) => {
    const key = JSON.stringify(options[leaf]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [id]);
    else group.push(id);
  });
  return [...groups.values()];
}

/** Whether adding `eps` to a number changes none of these, which only grow. */
export function isTooSmall(
  eps: number,
  size: number,
  at: (i: number) => number,
  round: (x: number) => number,
): boolean {
  for (let i = 0; i < size; i++) if (round(at(i) + round(eps)) !== at(i)) return false;
  return true;
}
