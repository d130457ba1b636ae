/** Reads CSV files: rows of numbers and words, each column under its name. */
// @ts-types="npm:@types/papaparse@5.5.2"
import papaparse from "papaparse";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";

/** A table. */
export interface Table {
  /** What each column is called: by the first row, or 1, 2, … if that is data. */
  readonly columns: readonly string[];
  /** The cells, row by row, without the names. */
  readonly rows: readonly (readonly string[])[];
  /** The number of the first row in the file, from 1, in which names count. */
  readonly first: number;
}

const DOING = "Cannot read CSV";
/** Engines cannot hold a longer text. */
const MOST_BYTES = 2 ** 29 - 24;

/**
 * Reads a table in UTF-8, whose cells are set apart by commas, semicolons, tabs or bars. Cells in double quotes may hold
 * these and line ends. The first row gives names, unless it is of numbers, and of words that stand in their columns again.
 *
 * @throws {GradusError} that says which row and column is wrong.
 */
export function readCsv(bytes: Uint8Array): Table {
  const { data, errors } = papaparse.parse<string[]>(textOf(bytes, DOING), {
    skipEmptyLines: "greedy",
  });
  const wrong = errors.find(({ type }) => type === "Quotes");
  if (wrong !== undefined) {
    throw new GradusError(
      `${DOING}: a cell that begins with a quote must end with one, and quotes inside must be doubled: it ` +
        `is not so in row ${(wrong.row ?? 0) + 1}`,
    );
  }
  const [head = []] = data;
  const hasNames = !isData(data);
  const columns = hasNames
    ? head.map((cell) => cell.trim())
    : head.map((_, column) => String(column + 1));
  const rows = hasNames ? data.slice(1) : data;
  const first = hasNames ? 2 : 1;
  if (rows.length === 0) {
    throw new GradusError(`${DOING}: it must have a row of data: given ${data.length} rows`);
  }
  const twice = columns.find((name, column) => columns.indexOf(name) !== column);
  if (twice !== undefined) {
    throw new GradusError(
      `${DOING}: each column must have a name of its own: ${quoted(twice)} is there twice`,
    );
  }
  rows.forEach(({ length }, row) => {
    if (length === columns.length) return;
    throw new GradusError(
      `${DOING}: each row must have ${columns.length} cells, as the first: row ${
        row + first
      } has ${length}`,
    );
  });
  return { columns, rows, first };
}

/** Whether the first row is one of data: of numbers, and of labels that others have too. */
function isData([head = [], ...rows]: readonly (readonly string[])[]): boolean {
  const words = [...head.keys()].filter((column) => !isNumber(head[column]));
  return words.length < head.length &&
    words.every((column) => rows.some((cells) => cells[column] === head[column]));
}

/** Whether a cell is a number, and not empty. */
export function isNumber(cell: string): boolean {
  return cell.trim() !== "" && Number.isFinite(Number(cell));
}

/** The number in each cell of a column. */
export function numbersIn(
  { columns, rows, first }: Table,
  column: number,
  isWhole: boolean,
): Float64Array {
  return Float64Array.from(rows, (cells, row) => {
    const cell = cells[column];
    const number = Number(cell);
    if (isNumber(cell) && (!isWhole || Number.isSafeInteger(number))) return number;
    throw new GradusError(
      `${DOING}: row ${row + first}, column ${quoted(columns[column])} must be a ${
        isWhole ? "whole number" : "number"
      }: given ${cell.trim() === "" ? "nothing" : shown(cell)}`,
    );
  });
}

/** Bytes as text; refuses what is no UTF-8. */
export function textOf(bytes: Uint8Array, doing: string): string {
  if (bytes.length > MOST_BYTES) {
    throw new GradusError(
      `${doing}: it must have at most ${MOST_BYTES} bytes: given ${bytes.length}; larger data are for ` +
        `safetensors or .npy`,
    );
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below, as of what has zeros in it.
  }
  throw new GradusError(`${doing}: it must be text in UTF-8: given ${bytes.length} other bytes`);
}
