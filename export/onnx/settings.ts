/** What a file carries of an optimizer: numbers, schedules by their expressions, masks as trees. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { suggestedName } from "../../dsl/other_names.ts";
import { printExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { schedule } from "../../dsl/schedules/mod.ts";
import {
  type HyperNumbers,
  type HyperValue,
  isMask,
  type Mask,
  type Setting,
  settingsOf,
} from "../../runtime/trees/hyperparameters.ts";
import { mapTree } from "./map_tree.ts";
import { carriedNumber } from "./metadata.ts";

const ARROW = "count => ";

/** A setting as JSON holds it. */
interface CarriedSetting {
  readonly value: unknown;
  readonly mask?: unknown;
  readonly clock?: string;
}

/** Settings as JSON; masks that are functions are asked about `params`. */
export function carriedSettings(
  settings: ReadonlyMap<string, Setting>,
  params: object,
  doing: string,
): Record<string, CarriedSetting> {
  return Object.fromEntries(
    [...settings].map(([name, { value, mask, clock }]) => {
      const tree = typeof mask === "function" ? mask(params as never) : mask;
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

/** A hyperparameter as JSON. */
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
    const [read, tree] = [readTree(value, name, doing), readMask(mask, name, doing)];
    const isForm = typeof program.hyper.get(name) === "boolean";
    values.push([name, isForm && read === true && tree !== undefined ? tree : read]);
    others.set(name, {
      ...(isForm || tree === undefined ? {} : { mask: tree }),
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

function readMask(mask: unknown, name: string, doing: string): Mask | undefined {
  if (mask === undefined) return undefined;
  const what = `the mask of \`${name}\``;
  const tree = mapTree(mask, what, doing, (leaf) => {
    if (typeof leaf === "boolean") return leaf;
    throw new GradusError(`${doing}: ${what} must be of truth values: given ${shown(leaf)}`);
  });
  return isMask(tree) ? tree : undefined;
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
