/** `gradus train --dry-run`: what would be trained, what stands still or is not known, and how large it is. */
import type { ModelSource } from "../../export/train/mod.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import {
  describe,
  type Memory,
  type PrepareOptions,
  spellInput,
  type Weight,
} from "../../trainer/mod.ts";
import { aligned, printable, WIDTH, wrapped } from "../text.ts";

const MOST_ROWS = 40;

/** The text. */
export function dryRun(
  path: string,
  source: ModelSource,
  optimizer: Optimizer,
  options: PrepareOptions & { readonly batch: number },
): string {
  const { prepared, refusal, warnings, trained, frozen, unknown, nodes, memory } = describe(
    source,
    optimizer,
    options,
  );
  return [
    refusal === undefined
      ? `${path}: can be trained by "${optimizer.program.name}"`
      : `${path}: cannot be trained so: ${refusal}`,
    ...(prepared === undefined ? [] : [
      section(
        "takes",
        prepared.inputs.map((input) => [spellInput(input), input.isTarget ? "for the loss" : ""]),
      ),
    ]),
    section(`trained: ${sizes(trained)}`, trained.map(weightRow)),
    section(`frozen: ${sizes(frozen)}`, frozen.map(weightRow)),
    section(
      `not known: ${counted(unknown.length, "node")}`,
      unknown.map(({ op, node }) => [printable(op), printable(node)]),
    ),
    section("nodes", [
      ["model", String(nodes.model)],
      ...(nodes.step === undefined ? [] : [["training step", String(nodes.step)]]),
    ]),
    ...(memory === undefined
      ? []
      : [section(`memory, for a batch of ${options.batch}`, memoryRows(memory))]),
    ...warnings.map((warning) => wrapped(`note: ${warning}`)),
  ].join("\n\n");
}

function weightRow({ name, type, shape }: Weight): string[] {
  return [printable(name, WIDTH / 2), type, `[${shape.join(", ")}]`];
}

function sizes(weights: readonly Weight[]): string {
  const numbers = weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return `${counted(weights.length, "array")}, ${counted(numbers, "number")}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function memoryRows({ parameters, gradients, states, activations, open }: Memory): string[][] {
  const rows: [string, number][] = [
    ["parameters", parameters],
    ["gradients", gradients],
    ["states of the optimizer", states],
    ["activations kept for the gradients", activations],
    ["all of these", parameters + gradients + states + activations],
  ];
  return [
    ...rows.map(([name, bytes]) => [name, bytesText(bytes)]),
    ...(open === 0 ? [] : [[`${open} activations of an open size`, "not counted"]]),
  ];
}

function bytesText(bytes: number): string {
  const [unit, size] = ([["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const)
    .find(([, size]) => bytes >= size) ?? ["bytes", 1];
  return `${Number((bytes / size).toPrecision(3))} ${unit}`;
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const left = rows.length - MOST_ROWS;
  const more = left > 0 ? [`  … and ${left} more`] : [];
  return [title, ...aligned(rows.slice(0, MOST_ROWS), [], 2), ...more].join("\n");
}
