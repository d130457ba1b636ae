/** Where a training is besides its parameters, kept in the same checkpoint. */
import { GradusError } from "../dsl/errors.ts";
import { readSafetensors, writeSafetensors } from "../export/safetensors/mod.ts";

/** A score of a training. */
export interface LoopScore {
  readonly step: number;
  /** The mean loss of the steps since the last score; NaN at the start. */
  readonly loss: number;
  /** Of the held-out examples, if there are some: their mean loss, and the share of right answers. */
  readonly heldOut: { readonly loss: number; readonly accuracy?: number } | undefined;
}

/** Where a loop is. */
export interface Loop {
  /** The losses since the last score, added up, and how many they are. */
  readonly sum: number;
  readonly since: number;
  readonly scores: readonly LoopScore[];
  readonly best:
    | { readonly step: number; readonly loss: number; readonly model?: Uint8Array }
    | undefined;
  /** How many scores have been no better than the best. */
  readonly worse: number;
}

const KEY = "gradus.loop";
const WHOSE = "gradus.loop.of";
const MODEL = "best";

/** A loop that has not begun. */
export function begunLoop(): Loop {
  return { sum: 0, since: 0, scores: [], best: undefined, worse: 0 };
}

/** A checkpoint with the loop in it. */
export function packed(checkpoint: Uint8Array, loop: Loop, whose: string): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = readSafetensors(checkpoint);
  const { best, ...rest } = loop;
  const model = best?.model;
  const own = best && { step: best.step, loss: best.loss };
  const notes = new Map(metadata).set(KEY, JSON.stringify({ ...rest, best: own })).set(
    WHOSE,
    whose,
  );
  const all = new Map(tensors);
  if (model !== undefined) all.set(MODEL, { dtype: "U8", shape: [model.length], data: model });
  return writeSafetensors(all, notes);
}

/**
 * The loop in a checkpoint, and the checkpoint without it.
 *
 * @throws {GradusError} if there is none, or it is another training's.
 */
export function unpacked(
  checkpoint: Uint8Array,
  whose: string,
  doing: string,
): { readonly loop: Loop; readonly own: Uint8Array } {
  const { tensors, metadata } = readSafetensors(checkpoint);
  const text = metadata.get(KEY);
  if (text === undefined) {
    throw new GradusError(
      `${doing}: a checkpoint to go on from must be one of a training: given a safetensors file without ` +
        `\`${KEY}\` in its metadata`,
    );
  }
  if (metadata.get(WHOSE) !== whose) {
    throw new GradusError(
      `${doing}: a checkpoint to go on from must be of the same model, data, seed and batch: given that of ` +
        `another training`,
    );
  }
  const loop = loopOf(text);
  if (loop === undefined) {
    throw new GradusError(
      `${doing}: \`${KEY}\` in the checkpoint's metadata must tell where the loop is`,
    );
  }
  const model = tensors.get(MODEL)?.data;
  const kept = model instanceof Uint8Array ? { model: model.slice() } : {};
  const own = new Map(tensors);
  own.delete(MODEL);
  return {
    loop: { ...loop, best: loop.best && { ...loop.best, ...kept } },
    own: writeSafetensors(own, metadata),
  };
}

/** What JSON says of a loop; undefined of what is none. */
function loopOf(text: string): Loop | undefined {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { sum, since, scores, best, worse } = (read ?? {}) as Record<string, unknown>;
  const counts = [since, worse].every((each) => Number.isSafeInteger(each) && each as number >= 0);
  const isBest = best === undefined || isScore(best);
  if (!counts || !isNumber(sum) || !isBest || !Array.isArray(scores)) return undefined;
  const all = scores.map((each): LoopScore | undefined => {
    if (!isScore(each)) return undefined;
    const { heldOut } = each as Partial<LoopScore>;
    if (heldOut !== undefined && !isNumber(heldOut?.loss)) return undefined;
    const { loss, accuracy } = heldOut ?? {};
    const right = typeof accuracy === "number" ? { accuracy } : {};
    return {
      step: each.step,
      loss: numberOf(each.loss),
      heldOut: heldOut && { loss: numberOf(loss), ...right },
    };
  });
  if (all.includes(undefined)) return undefined;
  return {
    sum: numberOf(sum),
    since: since as number,
    scores: all as LoopScore[],
    best: best && { step: (best as LoopScore).step, loss: numberOf((best as LoopScore).loss) },
    worse: worse as number,
  };
}

function isScore(value: unknown): value is { readonly step: number; readonly loss: unknown } {
  const { step, loss } = (value ?? {}) as Partial<LoopScore>;
  return Number.isSafeInteger(step) && step! >= 0 && isNumber(loss);
}

/** JSON has null for what is not finite. */
function isNumber(value: unknown): boolean {
  return value === null || typeof value === "number";
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : NaN;
}
