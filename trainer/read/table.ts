/** The columns of a table as inputs of a model: by their names, by what labels are called, and in order. */
import { GradusError, quoted, suggestion } from "../../dsl/errors.ts";
import type { BatchTensor } from "../../export/ort/mod.ts";
import type { Dataset } from "../dataset.ts";
import {
  exampleShape,
  exampleSize,
  fitted,
  isWhole,
  spellInput,
  type TrainingInput,
} from "../inputs.ts";
import { isNumber, numbersIn, type Table } from "./csv.ts";

/** How columns are taken. */
export interface TableOptions {
  /** The column of labels. Default: one called `label`, `class` or `target`, or else the last. */
  readonly label?: string;
}

/** What labels are called where nobody says it. */
const LABELS = ["label", "class", "target"];
const DOING = "Cannot use the table";
const MOST_SHOWN = 8;

/**
 * A table as examples. A column that is called as an input of one number is that input; the labels of the loss are one
 * column; the columns that are left go to the other inputs, in order, as many as each takes. Labels may be words: sorted,
 * they are the classes 0, 1, ….
 *
 * @throws {GradusError} if columns are missing or left over, or a cell is no number.
 */
export function tableData(
  table: Table,
  inputs: readonly TrainingInput[],
  { label }: TableOptions = {},
): Dataset {
  const columns = columnsOf(table, inputs, label);
  let classes: readonly string[] | undefined;
  const arrays = inputs.map((input): [string, BatchTensor] => {
    const own = columns.get(input)!;
    const count = table.rows.length;
    const shape = exampleSize(input) === undefined
      ? [count, own.length]
      : [count, ...exampleShape(input) as readonly number[]];
    const [only] = own;
    const hasWords = input.isTarget && isWhole(input) && own.length === 1 &&
      !table.rows.every((cells) => isNumber(cells[only]));
    if (hasWords) {
      classes = [...new Set(table.rows.map((cells) => cells[only].trim()))].sort();
      const numbers = new Map(classes.map((name, i) => [name, i]));
      const data = Int32Array.from(table.rows, (cells) => numbers.get(cells[only].trim())!);
      requireNoEmpty(table, only, classes);
      return [input.name, { data, shape }];
    }
    const parts = own.map((column) => numbersIn(table, column, isWhole(input)));
    const data = new Float64Array(count * own.length);
    parts.forEach((part, i) => part.forEach((each, row) => data[row * own.length + i] = each));
    return [input.name, { data, shape }];
  });
  return fitted(Object.fromEntries(arrays), inputs, classes);
}

/** Which columns each input takes. */
export function columnsOf(
  { columns }: Pick<Table, "columns">,
  inputs: readonly TrainingInput[],
  label?: string,
): ReadonlyMap<TrainingInput, readonly number[]> {
  const found = new Map<TrainingInput, readonly number[]>();
  const left = new Set(columns.keys());
  const take = (input: TrainingInput, column: number) => {
    found.set(input, [column]);
    left.delete(column);
  };
  const single = inputs.filter((input) => exampleSize(input) === 1);
  const [target] = single.filter(({ isTarget }) => isTarget);
  if (label !== undefined) {
    const column = columns.indexOf(label);
    if (column < 0 || target === undefined) {
      throw new GradusError(
        column < 0
          ? `${DOING}: it has no column ${quoted(label)}${suggestion(label, columns)}`
          : `${DOING}: the loss must take one label an example: it takes ${
            inputs.filter(({ isTarget }) => isTarget).map(spellInput).join("; ") || "none"
          }`,
      );
    }
    take(target, column);
  }
  for (const input of single) {
    const column = columns.indexOf(input.name);
    if (left.has(column) && !found.has(input)) take(input, column);
  }
  if (target !== undefined && !found.has(target)) {
    const column = columns.findIndex((name) => LABELS.includes(name.toLowerCase()));
    if (left.has(column)) take(target, column);
  }
  const others = inputs.filter((input) => !found.has(input));
  // Where labels have no name, they stand last.
  const order = [
    ...others.filter((each) => !each.isTarget),
    ...others.filter((each) => each.isTarget),
  ];
  const open = order.filter((input) => exampleSize(input) === undefined);
  const needed = order.reduce((sum, input) => sum + (exampleSize(input) ?? 0), 0);
  const isOne = open.length === 1 && exampleShape(open[0])?.length === 1;
  if (needed > left.size || (open.length === 0 ? needed < left.size : !isOne)) {
    throw new GradusError(
      `${DOING}: the model takes ${order.map(spellInput).join("; ")}, which is ` +
        `${needed}${open.length > 0 ? " and an open number of" : ""} columns: given ${left.size}, ${
          listed([...left].map((column) => columns[column]))
        }`,
    );
  }
  const rest = [...left];
  for (const input of order) {
    found.set(input, rest.splice(0, exampleSize(input) ?? left.size - needed));
  }
  return found;
}

function requireNoEmpty(
  { columns, rows, first }: Table,
  column: number,
  classes: readonly string[],
): void {
  if (!classes.includes("")) return;
  const row = rows.findIndex((cells) => cells[column].trim() === "");
  throw new GradusError(
    `${DOING}: row ${row + first}, column ${
      quoted(columns[column])
    } must be a label: given nothing`,
  );
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, MOST_SHOWN).map(quoted).join(", ");
  return names.length > MOST_SHOWN ? `${some}, … and ${names.length - MOST_SHOWN} more` : some;
}
