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
  /** How it is started, or why it cannot be; what must be built first is put into a folder. */
  start(folder: string): Start | Absent | Promise<Start | Absent>;
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
/** The interpreter that has torch, jax and onnxruntime. */
export const PYTHON: string = Deno.env.get("GRADUS_PYTHON") ?? "python3";

/** Flags of each build in C; without math's error numbers, as torch and XLA are built. */
type Flag = "-march=native" | "-msse4.2";
const FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fopenmp"];

/** Where the arrays of Gradus are: in WebAssembly memory for good, or anywhere. */
export type Place = "resident" | "ordinary";

/** Gradus of a checkout. */
export function gradus(directory: string, place: Place, threads?: number): Start {
  return ofCheckout("gradus.ts", directory, [place, ...(threads === undefined ? [] : [threads])]);
}

/** The graph that a checkout exports, on ONNX Runtime in Python. */
export function onnx(directory: string, threads: number): Start {
  const { command, args } = ofCheckout("graph.ts", directory, []);
  // Parameters and states are there twice, and between operators up to eight arrays more.
  return { ...inPython("onnx_peer.py", [threads, command, ...args]), bytesEach: 64 };
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
  return inPython("torch_peer.py", [device, threads]);
}

function inPython(program: string, args: readonly (string | number)[]): Start {
  const path = fileURLToPath(new URL(`python/${program}`, HERE));
  return { command: PYTHON, args: [path, ...args.map(String)] };
}

/** Everyone; the most telling first, since memory may not do for all. */
export function contestants({ threads, beside }: Company): Contestant[] {
  const many = `${threads} threads`;
  const [one, all] = ["Gradus resident, 1 thread", `Gradus resident, ${many}`];
  const c = (flag: Flag, count: number): Contestant => ({
    name: `C ${flag}, ${count === 1 ? "1 thread" : many}`,
    against: count === 1 ? one : all,
    start: (folder) => inC(flag, count, folder),
  });
  /** Something of this checkout, and of the other. */
  const both = (name: string, against: string, of: (directory: string) => Start): Contestant[] => [
    { name, against, start: () => of(OWN) },
    ...(beside === undefined
      ? []
      : [{ name: `${name}, of ${beside}`, against, start: () => of(beside) }]),
  ];
  return [
    ...both(all, all, (each) => gradus(each, "resident", threads)),
    c("-march=native", threads),
    { name: `torch, ${many}`, against: all, start: () => torch("cpu", threads) },
    { name: "XLA", against: all, start: () => inPython("xla_peer.py", []) },
    ...both(`Gradus's graph on ONNX Runtime, ${many}`, all, (each) => onnx(each, threads)),
    ...both(one, one, (each) => gradus(each, "resident", 1)),
    c("-msse4.2", 1),
    ...both("Gradus, ordinary arrays", all, (each) => gradus(each, "ordinary")),
    c("-msse4.2", threads),
    c("-march=native", 1),
    { name: "torch, 1 thread", against: one, start: () => torch("cpu", 1) },
  ];
}

/** The contestant in C, built by a flag into a folder where it is not there yet; or why it cannot be. */
export async function inC(flag: Flag, threads: number, folder: string): Promise<Start | Absent> {
  const command = `${folder}/peer${flag}`;
  const sources = ["main.c", "rules.c"].map((name) => fileURLToPath(new URL(`c/${name}`, HERE)));
  const isBuilt = await Deno.stat(command).then(() => true, () => false);
  const problem = isBuilt
    ? undefined
    : await compile([...FLAGS, flag, ...sources, "-lm", "-o", command]);
  return problem ?? { command, args: [], env: { OMP_NUM_THREADS: String(threads) } };
}

/** Why it could not be compiled; undefined where it was. */
async function compile(args: string[]): Promise<Absent | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("gcc", { args }).output();
    if (success) return undefined;
    const [first] = new TextDecoder().decode(stderr).split("\n").filter((line) =>
      line.includes("error")
    );
    return new Absent(`gcc does not build it: ${first}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Absent("gcc is not installed");
  }
}
