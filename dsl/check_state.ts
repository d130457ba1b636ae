/** Checks what is declared of a state: how it begins, over what it is kept, what shape it has. */
import { axisItem } from "./axes.ts";
import { quoted, shown } from "./errors.ts";
import type { Sizes } from "./matrix.ts";
import { nameAmong } from "./scope.ts";
import { constant, type Node, postorder } from "./node.ts";
import { elementRow, matrixRow, randomRow, reduceRow } from "./ops.ts";
import { suggestedName } from "./other_names.ts";
import { parseExpression } from "./parse.ts";
import { sketchExpression } from "./print.ts";
import type { Program, StateDeclaration } from "./program.ts";
import type { Scope } from "./reader.ts";
import { record, requireKeys } from "./record.ts";

/** What the sizes of a state are made of, besides numbers and hyperparameters. */
const SIDES = ["rows", "columns"];

/** The declaration of a state that a document gives. */
export function stateDeclaration(
  name: string,
  value: unknown,
  hyper: Program["hyper"],
  what: string,
  refuse: (message: string) => never,
): StateDeclaration {
  const whole = typeof value === "object" ? record(value, `state \`${name}\``, refuse) : undefined;
  requireKeys(whole ?? {}, ["init", "over", "shape"], `state \`${name}\``, refuse);
  const init = whole === undefined ? value : whole.init ?? 0;
  if (typeof init !== "number" && typeof init !== "string") {
    refuse(
      `the initial value of state \`${name}\` must be a number or an expression: ` +
        `given ${shown(init)}`,
    );
  }
  const hasShape = whole?.shape !== undefined;
  if (hasShape && whole.over !== undefined) {
    refuse(`state \`${name}\` has either \`over\` or a \`shape\` of its own: given both`);
  }
  const sizes = hasShape ? readSizes(whole.shape, name, hyper, what, refuse) : undefined;
  const over = whole?.over ?? (hasShape ? "sizes" : "element");
  const axes = (Array.isArray(over) ? over : [over]).map(axisItem);
  const isList = axes.length > 0 && !axes.includes(undefined);
  if (!hasShape && !isList && over !== "element" && over !== "tensor" && over !== "tree") {
    refuse(
      `\`over\` of state \`${name}\` must be "element", "tensor", "tree" or reduced axes: ` +
        `given ${shown(over)}`,
    );
  }
  const names = { has: (name: string) => hyper.has(name) || (name === "w" && over === "element") };
  const scope: Scope = {
    nameOf: (written, fail) => nameAmong(written, names, fail),
    read(symbol, fail) {
      if (symbol === "w" && over === "element") return "number";
      const kind = hyper.get(symbol);
      if (kind !== undefined && typeof kind !== "boolean") return "number";
      return fail(
        `an initial value is made of hyperparameters${over === "element" ? " and `w`" : ""}: ` +
          `${quoted(symbol)} is none${suggestedName(symbol, hyper.keys())}`,
      );
    },
    assign: (_name, _type, fail) => fail("an initial value assigns nothing"),
  };
  const node = typeof init === "number" ? constant(init) : parseExpression(
    init as string,
    scope,
    `the initial value of state \`${name}\` of ${what}`,
    ["state", name],
  );
  for (const each of postorder([node])) {
    if (randomRow(each.op) !== undefined) {
      refuse(
        `the initial value of state \`${name}\` must not be random: given ` +
          `\`${sketchExpression(each)}\``,
      );
    }
    const isPlace = each.op === "Index";
    if (matrixRow(each.op) !== undefined || isPlace && over !== "element" && !hasShape) {
      refuse(
        `the initial value of state \`${name}\` must be ${
          isPlace ? "a number" : "element-wise"
        }: ` +
          `given \`${sketchExpression(each)}\``,
      );
    }
    if (reduceRow(each.op) === undefined) continue;
    const isOfParameter = postorder(each.src).some(({ op, arg }) => op === "Symbol" && arg === "w");
    if (each.arg === "tree" || !isOfParameter) {
      refuse(
        `the initial value of state \`${name}\` may reduce what is made of \`w\`, over its tensor: ` +
          `given \`${sketchExpression(each)}\``,
      );
    }
  }
  return Object.freeze({
    init: node,
    over: isList ? axes.join() : String(over),
    ...(sizes === undefined ? {} : { sizes }),
  });
}

/** The rows and columns that a state of its own shape has, from a text such as `"rows x min(r, columns)"`. */
function readSizes(
  given: unknown,
  state: string,
  hyper: Program["hyper"],
  what: string,
  refuse: (message: string) => never,
): Sizes<Node> {
  const sides = typeof given === "string" ? given.split(/\s+x\s+|\s*×\s*/) : [];
  if (sides.length !== 2) {
    return refuse(
      `\`shape\` of state \`${state}\` must be rows and columns with an \`x\` between them, such as ` +
        `"rows x rows": given ${shown(given)}`,
    );
  }
  const scope: Scope = {
    nameOf: (written, fail) =>
      nameAmong(written, { has: (name) => hyper.has(name) || SIDES.includes(name) }, fail),
    read(symbol, fail) {
      const kind = hyper.get(symbol);
      if (SIDES.includes(symbol) || kind !== undefined && typeof kind !== "boolean") {
        return "number";
      }
      const hint = symbol === "rank"
        ? "; `rank` is the number of axes: give the hyperparameter another name, such as `r`"
        : suggestedName(symbol, [...SIDES, ...hyper.keys()]);
      return fail(
        `a size is made of \`rows\`, \`columns\`, numbers and hyperparameters: ${
          quoted(symbol)
        } is none${hint}`,
      );
    },
    assign: (_name, _type, fail) => fail("a size assigns nothing"),
  };
  const place = `\`shape\` of state \`${state}\` of ${what}`;
  const [rows, columns] = sides.map((side) => {
    const size = parseExpression(side, scope, place, ["state", state]);
    const other = postorder([size]).find(({ op }) =>
      op !== "Const" && op !== "Symbol" && elementRow(op) === undefined
    );
    if (other === undefined) return size;
    return refuse(
      `a size in \`shape\` of state \`${state}\` must be a number: given ` +
        `\`${sketchExpression(other)}\``,
    );
  });
  return Object.freeze([rows, columns] as const);
}
