/** Reads a program back from what `toOnnx` wrote. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { parseJson } from "../../dsl/json.ts";
import type { Program } from "../../dsl/program.ts";
import { JOINED, METADATA } from "./metadata.ts";
import { type ReadModel, readModel } from "./proto.ts";

/**
 * The program in a model that `toOnnx` wrote: the same object as the exported optimizer's. What the
 * optimizer was made with is in the model's metadata; see {@linkcode METADATA}.
 *
 * @example
 * ```ts
 * import { fromOnnx, toOnnx } from "@gradus/gradus/onnx";
 * import { lion } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const bytes = toOnnx(lion({ learningRate: 1e-3 }), { w: [784, 64], b: [64] });
 * assert(fromOnnx(bytes) === lion.program);
 * ```
 *
 * @throws {GradusError} if the bytes are no whole model that `toOnnx` wrote.
 */
export function fromOnnx(bytes: Uint8Array): Program {
  const doing = "Cannot read an optimizer";
  const model = readWritten(bytes, doing);
  const program = attempt("program", () => parseJson(model.metadata[METADATA.program]), doing);
  requireUnchanged(model, doing);
  return program;
}

/** Refuses a model of which a part was changed since it was written. */
export function requireUnchanged(model: ReadModel, doing: string): void {
  const changed = attempt("digest", () => model.changed(), doing);
  if (changed.length === 0) return;
  refuse(doing, `its ${changed.join(" and ")} were changed since, as \`${METADATA.digest}\` tells`);
}

/** A whole model with everything that `toOnnx` says beside the graph. */
export function readWritten(bytes: Uint8Array, doing: string): ReadModel {
  const model = attempt(undefined, () => readModel(bytes), doing);
  requireWritten(model, doing);
  return model;
}

/** Refuses a model that does not say all that `toOnnx` says. */
export function requireWritten(model: ReadModel, doing: string): void {
  for (const key of Object.values(METADATA)) {
    if (model.metadata[key] === undefined) {
      refuse(doing, `given one without \`${key}\` in its metadata`);
    }
  }
}

/** Refuses bytes that are no model of ours, or not a whole one. */
export function refuse(doing: string, reason: string): never {
  throw new GradusError(
    `${doing}: the bytes must be an ONNX model written by \`toOnnx\`: ${reason}`,
  );
}

const KEYS = { ...METADATA, ...JOINED };

/** What `read` gives; if it fails, the bytes are refused for what is wrong at a key of the metadata. */
export function attempt<T>(
  key: keyof typeof KEYS | undefined,
  read: () => T,
  doing: string,
): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 500) : String(error);
    return refuse(doing, key === undefined ? reason : `\`${KEYS[key]}\`: ${reason}`);
  }
}

/** The entries of a JSON object. */
export function parseRecord(text: string): [key: string, value: unknown][] {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new GradusError(`it must be an object: given ${shown(value)}`);
  }
  return Object.entries(value);
}
