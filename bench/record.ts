/** What a run leaves behind: every figure, with what it was measured on. */
import { cpus } from "node:os";
import type { Timing } from "./measure.ts";

/** One contestant's figure for one task at one size. */
export interface Cell extends Timing {
  readonly task: string;
  readonly size: number;
  readonly contestant: string;
  /** Bytes that the step reads and writes, by the program: what a copy of as many bytes moves. */
  readonly bytes: number;
  /** Which variant ran, where there were several. */
  readonly chosen?: string;
  /** What each variant took when tried, in milliseconds. */
  readonly tried?: Readonly<Record<string, number>>;
}

/** A contestant without a figure. */
export interface Gap {
  readonly task: string;
  readonly size: number;
  readonly contestant: string;
  readonly reason: string;
}

/** A whole run; times are in milliseconds. */
export interface Run {
  readonly name: string;
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  /** Everyone who took part, in the order of the table. */
  readonly contestants: readonly string[];
  readonly cells: readonly Cell[];
  readonly gaps: readonly Gap[];
  /** The everyday path, whose contestants are ways to be called; empty where it was left out. */
  readonly everyday: readonly Cell[];
}

const RESULTS = new URL("results/", import.meta.url);

/** What a run says about where it ran. */
export function machine(): Run["machine"] {
  const { deno, v8 } = Deno.version;
  const { model = "unknown" } = cpus()[0] ?? {};
  return {
    processor: model,
    cores: navigator.hardwareConcurrency,
    deno,
    v8,
    arch: Deno.build.arch,
  };
}

/** Today, as files are named by it. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** Writes `bench/results/<date>-<name>.<extension>` and returns its path. */
export async function writeResult(
  name: string,
  extension: "json" | "md" | "svg" | "html",
  text: string,
): Promise<string> {
  await Deno.mkdir(RESULTS, { recursive: true });
  const file = `${today()}-${name}.${extension}`;
  // What is drawn or counted out is not written by hand: nothing is gained by formatting it.
  const head = extension === "json" || extension === "html"
    ? ""
    : "<!-- deno-fmt-ignore-file -->\n";
  await Deno.writeTextFile(new URL(file, RESULTS), head + text);
  return `bench/results/${file}`;
}
