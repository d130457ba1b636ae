/** What files carry of an optimizer beside its program: numbers, schedules by their expressions, masks as trees. */
import { GradusError, quoted, shown } from "../dsl/errors.ts";
import { constant } from "../dsl/node.ts";
import { suggestedName } from "../dsl/other_names.ts";
import { printExpression } from "../dsl/print.ts";
import type { Program } from "../dsl/program.ts";
import { schedule } from "../dsl/schedules/mod.ts";
import { bind, type Optimizer } from "./optimizer.ts";
import { requireStorable } from "./step/storable.ts";
import {
  type HyperNumbers,
  type HyperValue,
  isMask,
  saysMatrices,
  type Setting,
  settingsOf,
} from "./trees/hyperparameters.ts";
import { isMatch, mapMatch } from "./trees/match.ts";
import { mapTree } from "./trees/plain.ts";
import { type InitOptions, storageWith } from "./trees/state_storage.ts";

const ARROW = "count => ";

/** A mask, as a setting has it. */
type AnyMask = NonNullable<Setting["mask"]>;

/** A setting as JSON holds it. */
interface CarriedSetting {
  readonly value: unknown;
  readonly mask?: unknown;
  readonly clock?: string;
}

/**
 * Settings as JSON. Masks that are functions, or rules with functions, are the trees that `treeOf` tells; a
 * schedule without text is null.
 */
export function carriedSettings(
  settings: ReadonlyMap<string, Setting>,
  treeOf: (mask: AnyMask, name: string) => unknown,
  doing: string,
): Record<string, CarriedSetting> {
  return Object.fromEntries(
    [...settings].map(([name, { value, mask, clock }]) => {
      const tree = mask !== undefined && hasFunction(mask) ? treeOf(mask, name) : mask;
      return [name, {
        value: carriedTree(value, `hyperparameter \`${name}\``, doing),
        ...(tree === undefined
          ? {}
          : { mask: carriedTree(tree, `the mask of \`${name}\``, doing) }),
        ...(clock === undefined ? {} : { clock }),
      }];
    }),
  );
}

/** Whether it takes parameters to tell what a mask says. */
function hasFunction(mask: AnyMask): boolean {
  if (typeof mask === "function") return true;
  return isMatch(mask) && mask.match.some(([leaves]) => typeof leaves === "function");
}

/** A hyperparameter as JSON; what has no text is null. */
export function carriedTree(value: unknown, what: string, doing: string): unknown {
  return mapTree(value, what, doing, (leaf) => {
    if (typeof leaf === "number") return carriedNumber(leaf);
    if (typeof leaf !== "function") return leaf;
    const { expression } = leaf as HyperValue & {
      expression?: Parameters<typeof printExpression>[0];
    };
    return expression === undefined ? null : ARROW + printExpression(expression);
  });
}

/** A number where JSON has it, else its text. */
export function carriedNumber(value: number): number | string {
  const isCarried = Number.isFinite(value) && !Object.is(value, -0);
  return isCarried ? value : printExpression(constant(value));
}

/** The optimizer of a program that JSON holds, checked as one that is made. */
export function readOptimizer(
  carried: Readonly<Record<string, unknown>>,
  stored: Readonly<Record<string, unknown>>,
  program: Program,
  doing: string,
): Optimizer {
  const settings = readSettings(carried, program, doing);
  const storage = storageWith(program, new Map(), { storage: stored } as InitOptions, doing);
  requireStorable(program, settings, storage, doing);
  return bind({ program, settings, storage });
}

/** The settings that JSON holds, checked as those given when an optimizer is made. */
export function readSettings(
  given: Readonly<Record<string, unknown>>,
  program: Program,
  doing: string,
): Map<string, Setting> {
  const values: [string, unknown][] = [];
  const others = new Map<string, Omit<Setting, "value">>();
  for (const [name, setting] of Object.entries(given)) {
    const refuse = (must: string, value: unknown): never => {
      throw new GradusError(`${doing}: ${quoted(name)} must ${must}: given ${shown(value)}`);
    };
    if (typeof setting !== "object" || setting === null) refuse("be an object", setting);
    const { value, mask, clock } = setting as Record<string, unknown>;
    if (clock !== undefined && program.state.get(clock as string)?.over !== "tree") {
      refuse("follow a state that is one number for the tree", clock);
    }
    const isForm = typeof program.hyper.get(name) === "boolean";
    const [read, tree] = [readTree(value, name, doing), readMask(mask, name, doing)];
    values.push([name, isForm && read === true && tree !== undefined ? tree : read]);
    others.set(name, {
      ...(isForm || !isMask(tree) ? {} : { mask: tree }),
      ...(clock === undefined ? {} : { clock: clock as string }),
    });
  }
  for (const name of program.hyper.keys()) {
    if (others.has(name)) continue;
    throw new GradusError(`${doing}: ${quoted(name)} must have a value: it is missing`);
  }
  const settings = settingsOf(program, Object.fromEntries(values), doing);
  return new Map([...settings].map(([name, each]) => [name, { ...each, ...others.get(name) }]));
}

/** A mask that JSON holds. */
function readMask(mask: unknown, name: string, doing: string): unknown {
  if (mask === undefined) return undefined;
  const what = `the mask of \`${name}\``;
  const refuse = (value: unknown): never => {
    throw new GradusError(`${doing}: ${what} must be of truth values: given ${shown(value)}`);
  };
  // What words and numbers say of matrices is checked where it is used.
  const leafOf = (leaf: unknown) =>
    typeof leaf === "boolean" || saysMatrices(name) && ["string", "number"].includes(typeof leaf)
      ? leaf
      : refuse(leaf);
  if (!isMatch(mask)) return mapTree(mask, what, doing, leafOf);
  return mapMatch(mask, (value) => mapTree(value, what, doing, leafOf));
}

/** The value that JSON holds of a hyperparameter. */
function readTree(value: unknown, name: string, doing: string): unknown {
  return mapTree(value, `hyperparameter \`${name}\``, doing, (leaf) => {
    if (leaf === null) {
      throw new GradusError(
        `${doing}: hyperparameter \`${name}\` was a function, which no file can hold: give ` +
          `\`optimizer\`, made with that function`,
      );
    }
    if (typeof leaf !== "string") return leaf;
    return leaf.startsWith(ARROW)
      ? schedule(leaf.slice(ARROW.length))
      : numberOf(leaf, name, doing);
  });
}

/** The numbers that a state holds of hyperparameters, as JSON has them; those of the program only. */
export function readNumbers(
  given: Readonly<Record<string, unknown>>,
  program: Program,
  doing: string,
): Record<string, HyperNumbers> {
  const numbers: Record<string, HyperNumbers> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof (program.hyper.get(name) ?? true) === "boolean") {
      throw new GradusError(
        `${doing}: a state of "${program.name}" has no hyperparameter ${quoted(name)}` +
          suggestedName(name, program.hyper.keys()),
      );
    }
    numbers[name] = mapTree(
      value,
      `hyperparameter \`${name}\``,
      doing,
      (leaf) => typeof leaf === "number" ? leaf : numberOf(leaf, name, doing),
    ) as HyperNumbers;
  }
  return numbers;
}

const NUMBERS: ReadonlyMap<unknown, number> = new Map(
  [-0, Infinity, -Infinity, NaN].map((number) => [carriedNumber(number), number]),
);

function numberOf(text: unknown, name: string, doing: string): number {
  const number = NUMBERS.get(text);
  if (number !== undefined) return number;
  throw new GradusError(
    `${doing}: hyperparameter ${quoted(name)} must be a number: given ${shown(text)}`,
  );
}
