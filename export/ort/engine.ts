/** What runs the graph of an exported optimizer, on whatever it runs. */
import type * as ort from "onnxruntime-web/wasm";
import type { DType } from "../../runtime/trees/dtype.ts";
import type { GpuTensor } from "../../runtime/trees/gpu_tensor.ts";
import type { ReadLeaf } from "../../runtime/trees/leaf.ts";
import type { Held, HeldArray, HeldLeaf } from "./held.ts";

/** A leaf of a tree that the graph takes. */
export interface Taken {
  /** The name of the input. */
  readonly name: string;
  readonly leaf: Held;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Numbers that are neither a parameter nor a state, as a graph takes and gives them. */
export interface Value {
  readonly type: ort.Tensor.Type;
  readonly data: ort.Tensor.DataType;
  readonly shape: readonly number[];
}

/** What a graph takes and gives besides a step. */
export interface Further {
  /** By the names of inputs. */
  readonly feeds: ReadonlyMap<string, Value>;
  /** The names of the outputs that are asked for. */
  readonly outputs: readonly string[];
  /** Is told these before anything is written; if it throws, nothing is. */
  take(outputs: ReadonlyMap<string, Value>): void;
}

/** One run of the graph. */
export interface Run {
  /** Parameters and states: read, and written once it has run. */
  readonly written: readonly Taken[];
  /** Gradients, and what else there is an array of for each parameter. */
  readonly read: readonly Taken[];
  /** What is one number, by the name of the input. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly further?: Further;
  readonly doing: string;
}

/** Runs a graph. */
export interface Engine {
  /** What it keeps its numbers on, where that is a device. */
  readonly device: GPUDevice | undefined;
  /** What a leaf of a tree is here. */
  readonly read: ReadLeaf<HeldLeaf>;
  /** Runs the graph and gives the numbers that it makes, by output; if it fails, nothing has been written. */
  run(run: Run): Promise<ReadonlyMap<string, number>>;
  /** Writes what it holds of these arrays into them. */
  download(leaves: ReadonlySet<Held>, doing: string): Promise<ReadonlyMap<GpuTensor, Float32Array>>;
  /** The numbers that these arrays hold by now, wherever they are; what is given may be the array itself. */
  numbersIn(leaves: ReadonlySet<Held>, doing: string): Promise<ReadonlyMap<Held, HeldArray>>;
  /** Takes what is in these arrays in the place of what it holds of them. */
  upload(leaves: ReadonlySet<Held>, doing: string): void;
  /** Where it holds an array; undefined where it does not. */
  bufferOf(leaf: Held): GPUBuffer | undefined;
  /** Forgets what it holds of these arrays. */
  release(leaves: ReadonlySet<Held>): void;
  /** Gives back all that it took. */
  dispose(): Promise<void>;
}

/** The outputs that a run asks for: those of a step, and which others it wants. */
export function outputsOf(all: readonly string[], { further }: Run): string[] {
  return all.filter((name) => name.startsWith("next/") || further?.outputs.includes(name));
}

/** A value that a graph gave. */
export function valueOf({ type, dims }: ort.Tensor, data: ort.Tensor.DataType): Value {
  return { type, data, shape: dims };
}
