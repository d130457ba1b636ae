/** What hyperparameters may be, and what each leaf of a tree is given. */
import { ANY_NUMBER, type Domain, isWithin, requireWithin, sayDomain } from "../../dsl/domain.ts";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { suggestedOption } from "../../dsl/other_names.ts";
import type { Program } from "../../dsl/program.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { Layout } from "./layout.ts";
import { isMatch, type Match } from "./match.ts";
import { isMatrices, type Matrices, type MatrixView, viewOf } from "./view.ts";

/** A hyperparameter: a number, a schedule, or a tree-prefix of those over the parameters. */
export type HyperValue = number | Schedule | HyperTree;

/** A tree-prefix: a value in the place of a branch of the parameters holds for all below it. */
export type HyperTree = { readonly [key: string]: HyperValue } | readonly HyperValue[];

/**
 * Values of leaves: a tree-prefix of them, rules by which leaves have them, or a function that makes one of
 * both from the parameters, which is called once for each structure.
 */
// A function takes whatever parameters its writer has; `never` lets it say so.
export type PerLeaf<T> = Prefix<T> | Match<T> | ((params: never) => Prefix<T> | Match<T>);

/** A tree-prefix: a value in the place of a branch of the parameters holds for all below it. */
export type Prefix<T> = T | { readonly [key: string]: Prefix<T> } | readonly Prefix<T>[];

/** Which leaves something applies to, such as weight decay. */
export type Mask = PerLeaf<boolean>;

/** A tree-prefix of truth values. */
export type MaskTree = Exclude<Prefix<boolean>, boolean>;

/** Which leaves are matrices, and how. */
export type MatricesOption = PerLeaf<Matrices>;

/**
 * Whether a truth hyperparameter says how leaves are seen as matrices: one that is called `matrices`, or has been
 * before a chain gave it a suffix.
 */
export function saysMatrices(name: string): boolean {
  return /^matrices(_|$)/.test(name);
}

/** Whether a value can be a mask, as far as can be seen without parameters. */
export function isMask(value: unknown): value is Mask {
  return ["boolean", "object", "function"].includes(typeof value) && value !== null;
}

/** The numbers of a hyperparameter as a state holds them: one, or a tree-prefix of them. */
export type HyperNumbers = number | { [key: string]: HyperNumbers } | HyperNumbers[];

/** A value that an optimizer was made with for a hyperparameter. */
export interface Setting {
  /** Its value, or a truth value for one that chooses between forms of the program. */
  readonly value: HyperValue | boolean;
  /** Where the mask is false, the value is 0 or false. That of `matrices` may say how leaves are some. */
  readonly mask?: MatricesOption;
  /** The state over the tree whose number a schedule sees. Default: `count`. */
  readonly clock?: string;
}

/** What one leaf is given for one hyperparameter. */
export interface LeafSetting {
  /** Which part of a tree-prefix it comes from, so that leaves can be told alike. */
  readonly part: number;
  /** The path of that part. */
  readonly position: string;
  readonly value: number | boolean | Schedule;
  readonly isMasked: boolean;
  /** The matrices that the leaf is seen as where this decides something. */
  readonly view?: MatrixView;
}

const isLeafValue = (value: unknown) =>
  typeof value === "number" || typeof value === "function" || typeof value === "boolean";

/** Refuses an option that is none of those there are. */
export function requireOption(name: string, options: readonly string[], doing: string): void {
  if (options.includes(name)) return;
  throw new GradusError(
    `${doing}: there is no option ${quoted(name)}${suggestedOption(name, options)}`,
  );
}

/** Checks the values given for a program's hyperparameters and adds the defaults. */
export function settingsOf(
  program: Pick<Program, "hyper" | "domains">,
  given: Readonly<Record<string, unknown>>,
  doing: string,
): Map<string, Setting> {
  for (const name of Object.keys(given)) {
    if (!program.hyper.has(name)) requireOption(name, [...program.hyper.keys()], doing);
  }
  const settings = new Map<string, Setting>();
  program.hyper.forEach((fallback, name) => {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = own ?? fallback;
    if (value === "required") {
      throw new GradusError(
        `${doing}: hyperparameter \`${name}\` is required and has no default: given ${shown(own)}`,
      );
    }
    if (typeof fallback === "boolean") {
      if (!isMask(value) && !(saysMatrices(name) && isMatrices(value))) {
        const words = saysMatrices(name) ? ', "last two", "flatten" or dimension numbers' : "";
        throw new GradusError(
          `${doing}: \`${name}\` must be true or false${words}: given ${shown(value)}`,
        );
      }
      if (typeof value !== "boolean") {
        return settings.set(name, { value: true, mask: value });
      }
    } else requireHyperValue(value, program.domains.get(name), name, doing);
    settings.set(name, { value: value as HyperValue | boolean });
  });
  return settings;
}

const NO_PATH: readonly string[] = [];

function requireHyperValue(
  value: unknown,
  domain: Domain = ANY_NUMBER,
  name: string,
  doing: string,
  path: readonly string[] = NO_PATH,
): void {
  if (typeof value === "function") return;
  if (typeof value === "number" && isWithin(domain, value)) return;
  if (typeof value === "number" && !Number.isNaN(value)) {
    const where = path.length === 0 ? "" : ` at ${quoted(path.join("/"))}`;
    return requireWithin(domain, value, name, doing, where);
  }
  const isTree = typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
  if (isTree && path.length < 100) {
    for (const [key, inner] of Object.entries(value)) {
      requireHyperValue(inner, domain, name, doing, [...path, key]);
    }
    return;
  }
  throw new GradusError(
    `${doing}: hyperparameter \`${name}\` must be ${sayDomain(domain)}, a schedule or a tree of ` +
      `those: given ${shown(value)}`,
  );
}

/** Whether any part of a value is a schedule. */
export function isScheduled(value: HyperValue | boolean): boolean {
  if (typeof value === "function") return true;
  return typeof value === "object" && Object.values(value).some(isScheduled);
}

/** What each leaf of a layout is given for a hyperparameter. */
export function leafSettings(
  name: string,
  { value, mask }: Setting,
  layout: Layout,
  params: unknown,
  doing: string,
): LeafSetting[] {
  const values = layout.prefix(value, `hyperparameter \`${name}\``, doing, isLeafValue);
  const tree = typeof mask === "function" ? mask(params as never) : mask ?? true;
  const isTruth = (node: unknown) =>
    typeof node === "boolean" || saysMatrices(name) && isMatrices(node);
  const masks = layout.prefix(tree, "the mask", doing, isTruth);
  return values.map(({ part, position, value }, i) => {
    const matrices = masks[i].value as Matrices;
    const { shape, path } = layout.leaves[i];
    const view = typeof matrices === "boolean" ? undefined : viewOf(matrices, shape, path, doing);
    return {
      part,
      position,
      value: value as LeafSetting["value"],
      isMasked: matrices === false,
      ...(view === undefined ? {} : { view }),
    };
  });
}

/** What a mask that looks at parameters says of these, as a tree. */
export function maskTree(
  mask: NonNullable<Setting["mask"]>,
  layout: Layout,
  params: unknown,
  doing: string,
): unknown {
  const tree = typeof mask === "function" ? mask(params as never) : mask;
  if (!isMatch(tree)) return tree;
  return layout.build(layout.prefix(tree, "the mask", doing, () => true).map((leaf) => leaf.value));
}

/** The value of a setting at a step, a tree where the setting is one. */
export function numbersAt(value: HyperValue, count: number): HyperNumbers {
  if (typeof value === "number") return value;
  if (typeof value === "function") return value(count);
  if (Array.isArray(value)) return value.map((inner) => numbersAt(inner, count));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, numbersAt(inner, count)]),
  );
}
