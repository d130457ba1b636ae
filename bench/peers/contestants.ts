/** Who takes part beside Gradus, how each is started, and whose time its own is divided by. */
import { fileURLToPath } from "node:url";
import { Absent } from "../contestant.ts";
import type { Start } from "./peer.ts";

/** One who takes part. */
export interface Contestant {
  /** What tables call it. */
  readonly name: string;
  /** Whose times its own are divided by; it is the reference if that is itself. */
  readonly against: string;
  /** How it is started, or why it cannot be. */
  readonly start: Start | Absent;
}

/** What a run may say of who takes part. */
export interface Company {
  /** Threads of those that take more than one. */
  readonly threads: number;
  /** Another checkout of Gradus. */
  readonly beside?: string;
}

const HERE = new URL(".", import.meta.url);
/** The checkout that this file is of. */
export const OWN: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
/** The interpreter that is asked for torch and jax. */
export const PYTHON: string = Deno.env.get("GRADUS_PYTHON") ?? "python3";

/** Flags of each build in C; without math's error numbers, as torch and XLA are built. */
const BUILDS = { "-march=native": "native", "-msse4.2": "sse" } as const;
type Flag = keyof typeof BUILDS;
const FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fopenmp"];

/** Where the arrays of Gradus are: in WebAssembly memory for good, or anywhere. */
export type Place = "resident" | "ordinary";

/** Gradus of a checkout. */
export function gradus(directory: string, place: Place, threads?: number): Start {
  return ofCheckout("gradus.ts", directory, [place, ...(threads === undefined ? [] : [threads])]);
}

/** The graph that a checkout exports, on ONNX Runtime. */
export function onnx(directory: string, threads: number): Start {
  return ofCheckout("onnx.ts", directory, [threads]);
}

/** Gradus of a checkout on WebGPU, or a copy there. */
export function webgpu(directory: string, what: "steps" | "copy"): Start {
  return ofCheckout("webgpu.ts", directory, [what]);
}

/** A program beside this file that imports a checkout, with the packages that the checkout names. */
export function ofCheckout(
  program: string,
  directory: string,
  args: readonly (string | number)[],
): Start {
  const path = fileURLToPath(new URL(program, HERE));
  const config = ["--config", `${directory}/deno.json`];
  return {
    command: Deno.execPath(),
    args: ["run", "-A", "--no-check", ...config, path, directory, ...args.map(String)],
  };
}

/** torch on the processor or on a card. */
export function torch(device: "cpu" | "cuda", threads: number): Start {
  const program = fileURLToPath(new URL("python/torch_peer.py", HERE));
  return { command: PYTHON, args: [program, device, String(threads)] };
}

/** Everyone, with the C sources built into a folder; the most telling first, since memory may not do for all. */
export async function contestants(
  { threads, beside }: Company,
  folder: string,
): Promise<Contestant[]> {
  const many = `${threads} threads`;
  const [one, all] = ["Gradus resident, 1 thread", `Gradus resident, ${many}`];
  const built = await buildC(folder);
  const inC = (flag: Flag, count: number): Contestant => ({
    name: `C ${flag}, ${count === 1 ? "1 thread" : many}`,
    against: count === 1 ? one : all,
    start: built(flag, count),
  });
  const xla = fileURLToPath(new URL("python/xla_peer.py", HERE));
  /** Something of this checkout, and of the other. */
  const both = (name: string, against: string, of: (directory: string) => Start): Contestant[] => [
    { name, against, start: of(OWN) },
    ...(beside === undefined
      ? []
      : [{ name: `${name}, of ${beside}`, against, start: of(beside) }]),
  ];
  return [
    ...both(all, all, (each) => gradus(each, "resident", threads)),
    inC("-march=native", threads),
    { name: `torch, ${many}`, against: all, start: torch("cpu", threads) },
    { name: "XLA", against: all, start: { command: PYTHON, args: [xla] } },
    ...both(one, one, (each) => gradus(each, "resident", 1)),
    inC("-msse4.2", 1),
    ...both("Gradus, ordinary arrays", all, (each) => gradus(each, "ordinary")),
    inC("-msse4.2", threads),
    inC("-march=native", 1),
    { name: "torch, 1 thread", against: one, start: torch("cpu", 1) },
    ...both(`Gradus's graph on ONNX Runtime, ${many}`, all, (each) => onnx(each, threads)),
  ];
}

/** Builds the sources in C, by both flags, into a folder: how each is started, or why it cannot be. */
export async function buildC(
  folder: string,
): Promise<(flag: Flag, threads: number) => Start | Absent> {
  const sources = ["main.c", "rules.c"].map((name) => fileURLToPath(new URL(`c/${name}`, HERE)));
  const programs = new Map<string, string | Absent>();
  for (const [flag, name] of Object.entries(BUILDS)) {
    const program = `${folder}/peer-${name}`;
    const args = [...FLAGS, flag, ...sources, "-lm", "-o", program];
    programs.set(flag, await compile(args, program));
  }
  return (flag, threads) => {
    const program = programs.get(flag)!;
    if (program instanceof Absent) return program;
    return { command: program, args: [], env: { OMP_NUM_THREADS: String(threads) } };
  };
}

async function compile(args: string[], program: string): Promise<string | Absent> {
  try {
    const { success, stderr } = await new Deno.Command("gcc", { args }).output();
    if (success) return program;
    const [first] = new TextDecoder().decode(stderr).split("\n").filter((line) =>
      line.includes("error")
    );
    return new Absent(`gcc does not build it: ${first}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Absent("gcc is not installed");
  }
}
