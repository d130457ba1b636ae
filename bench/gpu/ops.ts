/**
 * What `gpu.ts` runs in a process of its own: tells how each op of the table computes on the GPU, from
 * the one with a certain number on.
 */
import { WebGpuOptimizer } from "@gradus/gradus/webgpu";
import type { ElementOpName, ReduceOpName } from "../../dsl/node.ts";
import { elementOps, reduceOps } from "../../dsl/ops.ts";
import { edges32, numbers32, randomWords } from "../../tests/numbers.ts";
import { choices, compare, optimizerOf, spellBound } from "../../tests/webgpu/meaning.ts";
import { tell, watch } from "./device.ts";
import * as reductions from "./reductions.ts";

/** An op's findings. */
export interface OpFinding {
  readonly op: string;
  readonly bound: string;
  readonly compared: number;
  readonly ulps?: number;
  readonly share: number;
  /** How many are out of bounds, and some of them. */
  readonly wrong: number;
  readonly examples: readonly string[];
}

const RANDOM = 6000;
const EXAMPLES = 5;

const [largest, first] = Deno.args.map(Number);
const names = [...Object.keys(elementOps), ...Object.keys(reduceOps)];
let device: GPUDevice | undefined;
const complaints: string[] = [];

for (const name of names.slice(first)) {
  if (name in elementOps) await attemptElement(name as ElementOpName);
  else await attemptReduction(name as ReduceOpName);
}
Deno.exit(0);

function attemptElement(name: ElementOpName): Promise<void> {
  return attempt(name, spellBound(name), async () => {
    const row = elementOps[name];
    const gpu = await WebGpuOptimizer.create(optimizerOf(row), { device: await open() });
    const { length } = row.takes;
    const special = choices([...edges32, 0.999, 1e-3, 7, 30, -0.1], length);
    const all = [special, usual(length), any(length)];
    const columns = special.map((_, k) => Float32Array.from(all.flatMap((each) => [...each[k]])));
    const found = await compare(gpu, name, columns);
    gpu.dispose();
    return found;
  });
}

function attemptReduction(name: ReduceOpName): Promise<void> {
  return attempt(name, reductions.spellBound(name), async () => {
    const opt = reductions.optimizerOf(name);
    const gpu = await WebGpuOptimizer.create(opt, { device: await open() });
    const found = await reductions.compare(gpu, opt, name, largest);
    gpu.dispose();
    return found;
  });
}

/** One device for all. */
async function open(): Promise<GPUDevice> {
  if (device === undefined) {
    ({ device } = await WebGpuOptimizer.create(optimizerOf(elementOps.Add)));
    watch(device, complaints);
  }
  return device;
}

type Found = Pick<OpFinding, "compared" | "ulps" | "share"> & { readonly wrong: readonly string[] };

async function attempt(op: string, bound: string, find: () => Promise<Found>): Promise<void> {
  const before = complaints.length;
  try {
    const { wrong, ...found } = await find();
    const errors = [...complaints.slice(before), ...wrong];
    tell({ op, bound, ...found, wrong: errors.length, examples: errors.slice(0, EXAMPLES) });
  } catch (error) {
    // What is refused or breaks says so in its row, and the next one has a device of its own.
    const examples = [...complaints.slice(before), String(error)].slice(0, EXAMPLES);
    tell({ op, bound, compared: 0, share: 0, wrong: examples.length, examples });
    device = undefined;
  }
}

/** Numbers of both signs as training has them. */
function usual(count: number): Float32Array[] {
  const next = randomWords(1);
  const number = () =>
    Math.fround((next() % 2 === 0 ? 1 : -1) * (1 + next() / 2 ** 32) * 2 ** (next() % 40 - 20));
  return Array.from({ length: count }, () => Float32Array.from({ length: RANDOM }, number));
}

/** Any bits. */
function any(count: number): Float32Array[] {
  return Array.from({ length: count }, (_, k) => Float32Array.from(numbers32(RANDOM, 1 + k)));
}
