/** `gradus show run.safetensors`: what a file of tensors holds, and what a checkpoint says of its run. */
import { latex } from "../dsl/latex.ts";
import { printYaml } from "../dsl/yaml.ts";
import { KEYS } from "../export/safetensors/metadata.ts";
import { isSecond } from "../export/safetensors/paths.ts";
import type { Overview } from "../export/safetensors/overview.ts";
import { sizeOf } from "../runtime/trees/leaf.ts";
import { spellStored } from "../runtime/trees/stored.ts";
import { readOverview } from "./files.ts";
import { printable, printableLines } from "./text.ts";

type Print = (line: string) => void;
type Entry = Overview["entries"][number];

const MOST_LINES = 40;

/** What a safetensors file says of itself; undefined of a file of another kind. */
export async function checkpointText(path: string): Promise<string | undefined> {
  const overview = await readOverview(path);
  if (overview === undefined) return undefined;
  const lines: string[] = [];
  showCheckpoint(path, overview, (line) => lines.push(line));
  return lines.join("\n");
}

function showCheckpoint(path: string, overview: Overview, print: Print): void {
  const { entries, metadata, contents } = overview;
  if (contents === undefined) return showTensors(path, overview, print);
  const { program, count, stored } = contents;
  const steps = `${grouped(count)} step${count === 1 ? "" : "s"}`;
  const version = printable(metadata.get(KEYS.version) ?? "?", 20);
  print(`${path}: a checkpoint of "${program.name}" after ${steps}, by Gradus ${version}`);
  print(`\n${printableLines(printYaml(program).trimEnd())}\n`);
  print(`${latex(program)}\n`);

  const hyper = hyperparameters(contents);
  if (hyper.length > 0) {
    table([["hyperparameter", "made with", "written", "last used"], ...hyper], print);
    print("");
  }
  const sections = new Map<string, Entry[]>();
  for (const entry of entries) {
    const [kind, state] = entry.name.split(/\/|~/);
    const section = kind === "state" ? `state \`${state}\`` : kind;
    sections.set(section, [...sections.get(section) ?? [], entry]);
  }
  sections.delete("count");
  const order = [
    "params",
    ...[...program.state.keys()].map((name) => `state \`${name}\``),
    "master",
  ];
  const rows = [...sections].sort(([a], [b]) => placeIn(order, a) - placeIn(order, b))
    .map(([section, own]) => {
      const state = /^state `(.*)`$/.exec(section)?.[1];
      const way = stored.get(state ?? "");
      const types = way === undefined ? typesOf(own) : spellStored(way);
      return [printable(section), ...sizes(own), types];
    });
  table(
    [["part", "arrays", "numbers", "bytes", "stored as"], ...rows, [
      "all",
      ...sizes([...sections.values()].flat()),
      "",
    ]],
    print,
  );
}

/** The rows of what a run was told. */
function hyperparameters(contents: NonNullable<Overview["contents"]>): string[][] {
  const { program, written, used } = contents;
  const settings = contents.settings();
  const own = (record: Readonly<Record<string, unknown>>, name: string): unknown =>
    Object.hasOwn(record, name) ? record[name] : undefined;
  return [...program.hyper.keys()].map((name) => {
    const { value, mask } = (own(settings, name) ?? {}) as { value?: unknown; mask?: unknown };
    const made = value === null ? "a function" : text(value);
    return [
      name,
      mask === undefined ? made : `${made} where ${text(mask)}`,
      text(own(written, name)),
      text(own(used, name)),
    ];
  });
}

function showTensors(path: string, { entries, metadata }: Overview, print: Print): void {
  const [arrays, numbers, bytes] = sizes(entries);
  const plural = entries.length === 1 ? "" : "s";
  print(`${path}: ${arrays} tensor${plural}, ${numbers} numbers, ${bytes} bytes, and no optimizer`);
  const notes = [...metadata].map(([key, value]) => [printable(key, 30), printable(value)]);
  const tensors = entries.map((
    { name, dtype, shape },
  ) => [printable(name, 100), dtype, shape.length === 0 ? "one number" : shape.join("x")]);
  for (const [heading, rows] of [["metadata", notes], ["tensors", tensors]] as const) {
    if (rows.length === 0) continue;
    print(`\n${heading}`);
    table(rows.slice(0, MOST_LINES), print);
    if (rows.length > MOST_LINES) print(`and ${grouped(rows.length - MOST_LINES)} more`);
  }
}

/** How many arrays, numbers and bytes there are; low bits and scales are no numbers of their own. */
function sizes(entries: readonly Entry[]): [string, string, string] {
  const own = entries.filter(({ name }) => !isSecond(name));
  const numbers = own.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const bytes = entries.reduce((sum, { begin, end }) => sum + end - begin, 0);
  return [grouped(own.length), grouped(numbers), grouped(bytes)];
}

const TYPES: Readonly<Record<string, string>> = {
  ...{ F64: "float64", F32: "float32", F16: "float16", BF16: "bfloat16" },
};

function typesOf(entries: readonly Entry[]): string {
  return [...new Set(entries.map(({ dtype }) => TYPES[dtype] ?? dtype))].join(", ");
}

function placeIn(order: readonly string[], section: string): number {
  const place = order.indexOf(section);
  return place < 0 ? order.length : place;
}

/** Prints rows in columns, the last of any length. */
function table(rows: readonly (readonly string[])[], print: Print): void {
  const last = rows[0].length - 1;
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    print(row.map((cell, i) => i === last ? cell : cell.padEnd(widths[i])).join("  ").trimEnd());
  }
}

function text(value: unknown): string {
  if (value === undefined) return "";
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}

function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}
