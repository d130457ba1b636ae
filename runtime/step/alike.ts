/** What all optimizers of a program have in common on trees that are alike: layouts, and groups of leaves. */
import type { Program } from "../../dsl/program.ts";
import { sizeHypers } from "../plan/sizes.ts";
import { type LeafSetting, leafSettings, type Setting } from "../trees/hyperparameters.ts";
import { Layout } from "../trees/layout.ts";
import type { ReadLeaf } from "../trees/leaf.ts";
import { clocksIn, type Grouped, groupedBy, requireOneGiven } from "./groups.ts";

/** A layout, and the groups that settings have made of its leaves. */
interface Alike {
  readonly layout: Layout;
  groupings: readonly { readonly marks: Marks; readonly made: Grouped }[];
}

/** All that settings decide of groups: what is structural of each, or of each for every leaf. */
type Marks = readonly unknown[];

/** How many layouts are remembered for a program, and how many groupings for each. */
const MOST = 8;

const alike = new WeakMap<Program, readonly Alike[]>();

/** The layout of a tree, in common with trees like it that were seen before. */
export function layoutOf(
  program: Program,
  tree: object,
  doing: string,
  read: ReadLeaf<unknown>,
): Layout {
  const known = alike.get(program) ?? [];
  const found = known.find(({ layout }) => layout.matches(tree, read)) ??
    { layout: Layout.of(tree, doing, read), groupings: [] };
  if (found !== known[0]) alike.set(program, first(found, known));
  return found.layout.again();
}

/** The leaves in groups by what settings give them; settings that differ in nothing structural have the same groups. */
export function groupedAlike(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  layout: Layout,
  params: unknown,
  doing: string,
): Grouped {
  const { leaves } = layout;
  const known = alike.get(program)?.find((each) => each.layout.leaves === leaves);
  const fixed = sizeHypers(program);
  const marks: unknown[] = [];
  const own = new Map<string, readonly LeafSetting[]>();
  let isSeen = false;
  settings.forEach((setting, name) => {
    const { value, mask, clock } = setting;
    const isFixed = fixed.has(name);
    marks.push(clock);
    if (mask === undefined && typeof value !== "object") {
      marks.push(structuralPart(value, isFixed));
      return;
    }
    const given = leafSettings(name, setting, layout, params, doing);
    own.set(name, given);
    for (const { part, isMasked, value, view } of given) {
      marks.push(part, isMasked, structuralPart(value, isFixed));
      isSeen ||= view !== undefined;
    }
  });
  let made = isSeen ? undefined : known?.groupings.find((each) => isSame(each.marks, marks))?.made;
  if (made === undefined) {
    const part = (name: string, leaf: LeafSetting): LeafSetting => ({
      ...leaf,
      value: structuralPart(leaf.value, fixed.has(name)),
    });
    // Nothing of one optimizer alone is kept: what its numbers are, or the functions that give them.
    const given = new Map(
      [...settings].map(([name, { value }]) => {
        const all = { part: 0, position: "", value, isMasked: false } as LeafSetting;
        return [name, (own.get(name) ?? leaves.map(() => all)).map((leaf) => part(name, leaf))];
      }),
    );
    made = groupedBy(program, given, clocksIn(settings), layout, doing);
    // What leaves are seen as is told by more than marks can say.
    if (known !== undefined && !isSeen) known.groupings = first({ marks, made }, known.groupings);
  }
  if (own.size > 0) requireOneGiven(program, made.live, own, doing);
  return made;
}

/** What a value decides of groups: a number that is neither 0 nor fixed might be any. */
function structuralPart(value: Setting["value"], isFixed: boolean): number | boolean {
  return typeof value === "boolean" || value === 0 || isFixed ? value as number | boolean : NaN;
}

function isSame(a: Marks, b: Marks): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** `each` before those of `others` that are still to be remembered. */
function first<T>(each: T, others: readonly T[]): T[] {
  return [each, ...others.filter((other) => other !== each)].slice(0, MOST);
}
