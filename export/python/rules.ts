/** What hyperparameters are for each parameter by its name, so that a file can tell: trees of paths, and patterns. */
import { GradusError } from "../../dsl/errors.ts";
import { saysMatrices, type Setting } from "../../runtime/trees/hyperparameters.ts";
import { isMatch } from "../../runtime/trees/match.ts";
import { isMatrices } from "../../runtime/trees/view.ts";

/** What a rule gives. */
export type Ruled = number | boolean | string;

/** The values of parameters by their names. */
export interface Rules {
  /** Whether names are patterns, the first that fits; else paths, which hold for all that is below them. */
  readonly isPattern: boolean;
  /** In a path the keys are joined by `.`, as torch's names of parameters are; in a pattern by `/`. */
  readonly entries: readonly (readonly [name: string, value: Ruled])[];
  /** What they were given as. */
  readonly given: unknown;
}

/** The rules of a hyperparameter that is one for all parameters: none. Refuses what can only be asked. */
export function rulesOf(
  hyper: string,
  { value, mask }: Setting,
  doing: string,
): { readonly numbers?: Rules; readonly mask?: Rules } {
  const refuse = (what: string): never => {
    throw new GradusError(`${doing}: hyperparameter \`${hyper}\` ${what}`);
  };
  if (typeof value === "object") {
    if (mask !== undefined) refuse("must have a tree of numbers or a mask: given both");
    const isNumber = (node: unknown) => typeof node === "number";
    const other = leavesIn(value, (node) => typeof node !== "object").find(([, each]) =>
      !isNumber(each)
    );
    if (other !== undefined) refuse("must be a tree of numbers: given one of schedules");
    return { numbers: { isPattern: false, entries: entriesOf(value, isNumber), given: value } };
  }
  if (mask === undefined) return {};
  if (typeof mask === "function") {
    return refuse(
      "must have a mask that is a tree or rules by pattern, such as " +
        '`{ match: [["*bias", false], ["*", true]] }`: given a function, which Python cannot ask',
    );
  }
  const isValue = (node: unknown) =>
    typeof node === "boolean" || saysMatrices(hyper) && isMatrices(node);
  if (isMatch(mask)) {
    const asked = mask.match.find(([leaves]) => typeof leaves !== "string");
    if (asked !== undefined) {
      refuse("must have rules by patterns of paths: given a function, which Python cannot ask");
    }
    const entries = mask.match.map(([name, each]) => [name as string, seen(each)] as const);
    return { mask: { isPattern: true, entries, given: mask } };
  }
  return { mask: { isPattern: false, entries: entriesOf(mask, isValue), given: mask } };

  function seen(node: unknown): Ruled {
    if (typeof node === "boolean" || typeof node === "number" || typeof node === "string") {
      return node;
    }
    return refuse(
      'must see leaves as matrices by "last two" or "flatten": given dimension numbers',
    );
  }

  function entriesOf(tree: unknown, isLeaf: (node: unknown) => boolean): Rules["entries"] {
    return leavesIn(tree, isLeaf).map(([path, each]) => [path.join("."), seen(each)]);
  }
}

function leavesIn(
  node: unknown,
  isLeaf: (node: unknown) => boolean,
  path: readonly string[] = [],
): [path: readonly string[], value: unknown][] {
  if (isLeaf(node) || typeof node !== "object" || node === null) return [[path, node]];
  return Object.entries(node).flatMap(([key, inner]) => leavesIn(inner, isLeaf, [...path, key]));
}

/** Which values some parameter may have together: those of one tree for each path, of one list for each pattern. */
export function combinationsOf(
  rules: ReadonlyMap<string, Rules>,
): ReadonlyMap<string, Ruled>[] {
  const sources = new Map<string, string[]>();
  for (const [key, { isPattern, entries }] of rules) {
    const source = isPattern ? JSON.stringify(entries.map(([name]) => name)) : "";
    sources.set(source, [...sources.get(source) ?? [], key]);
  }
  let all: Map<string, Ruled>[] = [new Map()];
  for (const [source, keys] of sources) {
    const own = source === "" ? ofPaths(keys) : ofPatterns(keys);
    all = all.flatMap((some) => own.map((each) => new Map([...some, ...each])));
  }
  const known = new Set<string>();
  return all.filter((each) => {
    const text = JSON.stringify([...each].sort(([a], [b]) => a < b ? -1 : 1));
    return known.has(text) ? false : known.add(text);
  });

  function ofPatterns(keys: readonly string[]): Map<string, Ruled>[] {
    const { entries } = rules.get(keys[0])!;
    return entries.map((_, k) => new Map(keys.map((key) => [key, rules.get(key)!.entries[k][1]])));
  }

  function ofPaths(keys: readonly string[]): Map<string, Ruled>[] {
    const paths = new Set(keys.flatMap((key) => rules.get(key)!.entries.map(([path]) => path)));
    return [...paths].flatMap((path) => {
      const values = keys.map((key) => {
        const entry = rules.get(key)!.entries.find(([own]) => isBelow(path, own));
        return entry === undefined ? undefined : [key, entry[1]] as const;
      });
      // A path that another tree goes on below stands for what is there.
      return values.includes(undefined) ? [] : [new Map(values as (readonly [string, Ruled])[])];
    });
  }
}

function isBelow(path: string, branch: string): boolean {
  return branch === "" || path === branch || path.startsWith(`${branch}.`);
}

/** Names that go on, or end. */
type Branch = Map<string, Branch | undefined>;

/** A tree that has what rules name, each leaf made by `leaf`. */
export function treeFor(rules: Iterable<Rules>, leaf: (path: string) => unknown): unknown {
  const all = [...rules];
  const trees = all.filter(({ isPattern }) => !isPattern).map(({ given }) => given);
  if (trees.length > 0 || all.length === 0) return merged(trees, []);
  const root: Branch = new Map();
  for (const [pattern] of all.flatMap(({ entries }) => entries)) {
    const keys = pattern.replaceAll("*", "x").split("/");
    let at: Branch | undefined = root;
    keys.forEach((key, k) => {
      if (at?.has(key) === false) at.set(key, k < keys.length - 1 ? new Map() : undefined);
      at = at?.get(key);
    });
  }
  return named(root, []);

  function named(branch: Branch | undefined, path: readonly string[]): unknown {
    if (branch === undefined) return leaf(path.join("."));
    return Object.fromEntries([...branch].map(([key, each]) => [key, named(each, [...path, key])]));
  }

  function merged(nodes: readonly unknown[], path: readonly string[]): unknown {
    const branches = nodes.filter((node) =>
      typeof node === "object" && node !== null && !isMatrices(node)
    ) as object[];
    if (branches.length === 0) return leaf(path.join("."));
    const keys = [...new Set(branches.flatMap((branch) => Object.keys(branch)))];
    const below = keys.map((key) =>
      [
        key,
        merged(
          branches.flatMap((each) =>
            Object.hasOwn(each, key) ? [(each as Record<string, unknown>)[key]] : []
          ),
          [...path, key],
        ),
      ] as const
    );
    return Array.isArray(branches[0]) ? below.map(([, each]) => each) : Object.fromEntries(below);
  }
}
