/** What a checkpoint holds, as far as it can be told without an optimizer: read as if it meant harm. */
import { programDigest } from "../../dsl/digest.ts";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { parseJson, parseOnce } from "../../dsl/json.ts";
import type { Program } from "../../dsl/program.ts";
import { readNumbers, readOptimizer } from "../../runtime/carried.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { HyperNumbers } from "../../runtime/trees/hyperparameters.ts";
import { halfOf, hasHalf } from "../../runtime/trees/half.ts";
import { tensorOf } from "../../runtime/trees/leaf.ts";
import { mapTree } from "../../runtime/trees/plain.ts";
import {
  type InitOptions,
  type StateStorage,
  storageWith,
} from "../../runtime/trees/state_storage.ts";
import { FORMAT, KEYS } from "./metadata.ts";
import { readSafetensors, type SafeTensor, type Safetensors } from "./read.ts";

/** A checkpoint that was read. */
export interface Contents {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly program: Program;
  /** The hyperparameters that were written into the state, and the others that the last step used. */
  readonly written: Readonly<Record<string, HyperNumbers>>;
  readonly used: Readonly<Record<string, HyperNumbers>>;
  /** What states are stored as. */
  readonly stored: StateStorage;
  readonly count: number;
  /** What it was saved with, by hyperparameter, as JSON has it. */
  settings(): Readonly<Record<string, unknown>>;
  /** The optimizer that it was saved with. */
  optimizer(): Optimizer;
  /** The tree of the parameters, whose arrays are the file's. */
  params(): object;
}

/** Reads a checkpoint; refuses what is none. */
export function readContents(bytes: Uint8Array | ArrayBuffer, doing: string): Contents {
  return contentsOf(readSafetensors(bytes), doing);
}

/** What a file that was read has as a checkpoint. */
export function contentsOf({ tensors, metadata }: Safetensors, doing: string): Contents {
  const format = metadata.get(KEYS.checkpoint);
  if (format === undefined) {
    throw new GradusError(
      `${doing}: it must be one that \`save\` wrote: given a safetensors file without ` +
        `\`${KEYS.checkpoint}\` in its metadata; read its tensors by \`readSafetensors\``,
    );
  }
  if (format !== FORMAT) {
    throw new GradusError(
      `${doing}: it must be of version ${FORMAT} of its format: given ${
        shown(format)
      }, written by ` +
        `version ${shown(metadata.get(KEYS.version))} of Gradus`,
    );
  }
  const textOf = (key: keyof typeof KEYS): string => {
    const text = metadata.get(KEYS[key]);
    if (text !== undefined) return text;
    throw new GradusError(`${doing}: its metadata must have \`${KEYS[key]}\`: it is missing`);
  };
  const jsonOf = (key: keyof typeof KEYS): unknown => {
    const text = textOf(key);
    try {
      return parseOnce(text);
    } catch (error) {
      const { message } = error as Error;
      throw new GradusError(
        `${doing}: \`${KEYS[key]}\` in its metadata must be JSON: ${message.slice(0, 200)}`,
      );
    }
  };
  const recordOf = (key: keyof typeof KEYS): Readonly<Record<string, unknown>> => {
    const value = jsonOf(key);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    throw new GradusError(
      `${doing}: \`${KEYS[key]}\` in its metadata must be an object: given ${shown(value)}`,
    );
  };
  const program = parseJson(textOf("program"));
  if (programDigest(program) !== textOf("hash")) {
    throw new GradusError(
      `${doing}: \`${KEYS.hash}\` must be the hash of its program: it is that of another, or of another ` +
        `version of Gradus`,
    );
  }
  return {
    tensors,
    program,
    written: readNumbers(recordOf("written"), program, doing),
    used: readNumbers(recordOf("used"), program, doing),
    stored: storageWith(program, new Map(), { storage: recordOf("stored") } as InitOptions, doing),
    count: countIn(tensors, doing),
    settings: () => recordOf("settings"),
    optimizer: () => readOptimizer(recordOf("settings"), recordOf("storage"), program, doing),
    params: () => treeOf(jsonOf("tree"), tensors, doing) as object,
  };
}

function countIn(tensors: ReadonlyMap<string, SafeTensor>, doing: string): number {
  const { data, shape, dtype } = tensors.get("count") ?? {};
  const count = dtype === "I64" && shape?.length === 0 ? Number(data![0]) : undefined;
  if (Number.isSafeInteger(count) && count! >= 0) return count!;
  throw new GradusError(
    `${doing}: its tensor \`count\` must be one whole number from 0, as I64: ` +
      (dtype === undefined ? "it is missing" : `given ${shown(count)}, as ${dtype}`),
  );
}

/** The parameters, by the tree that the metadata give. */
function treeOf(tree: unknown, tensors: ReadonlyMap<string, SafeTensor>, doing: string): unknown {
  return mapTree(tree, `\`${KEYS.tree}\` in its metadata`, doing, (kind, path) => {
    const name = `params${path}`;
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new GradusError(`${doing}: it must have a tensor ${quoted(name)}: it is missing`);
    }
    const { dtype, shape, data } = tensor;
    const known = STORED[dtype as keyof typeof STORED];
    if (known === undefined) {
      throw new GradusError(
        `${doing}: tensor ${quoted(name)} must be F32, F64, F16 or BF16: given ${dtype}`,
      );
    }
    if (kind === "tensor") return tensorOf(data as Float32Array, shape, known);
    const isArray = shape.length === 1 && dtype !== "BF16";
    // Where there is no Float16Array, its bits stand in a tensor.
    if (kind === "array" && dtype === "F16" && isArray) {
      return hasHalf ? halfOf(data as Uint16Array) : tensorOf(data as Uint16Array, shape, known);
    }
    if (kind === "array" && isArray) return data;
    throw new GradusError(
      `${doing}: in \`${KEYS.tree}\` a leaf must be "tensor", or "array" where it is F32, F64 or F16 ` +
        `with one extent: given ${shown(kind)} for ${quoted(name)}, ${dtype} of shape [${
          shape.slice(0, 8).join(", ")
        }]`,
    );
  });
}

const STORED = { F32: "float32", F64: "float64", F16: "float16", BF16: "bfloat16" } as const;
