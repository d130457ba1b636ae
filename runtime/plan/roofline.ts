/**
 * Predicts the time of a step by the roofline model: a loop takes as long as memory takes to move its
 * bytes, or as long as the processor takes to run its instructions, whichever is longer. That leaves
 * out caches (which make small parameters faster), latencies, other threads and the cost of starting a
 * step: it tells which of the two limits an optimizer, and by how much, not what a clock will show.
 *
 * The figures assumed below are fitted to steps of Lion, AdamW and SGD measured on one server, so that
 * they come near those times (within a tenth at 4 million parameters, but for SGD, which is a sixth
 * faster) says little of other machines: give {@linkcode Machine} what was measured there.
 */
import { GradusError, shown } from "../../dsl/errors.ts";

/** A machine, as far as the model knows it: what one thread can do. */
export interface Machine {
  /**
   * Bytes per second that memory reads and writes for arrays that are changed in place. Default 50e9:
   * what a current server moves in a step with almost no arithmetic.
   */
  readonly bandwidth?: number;
  /** WebAssembly instructions per second. Default 18e9: nearly 4.5 a cycle at 4 GHz. */
  readonly instructions?: number;
}

const MACHINE: Required<Machine> = { bandwidth: 50e9, instructions: 18e9 };

/** Instructions that take as long as several others, since a processor has only one unit for them. */
const SLOW: Readonly<Record<string, number>> = {
  "f32x4.div": 3,
  "f32x4.sqrt": 3,
  "f64x2.div": 3,
  "f64x2.sqrt": 3,
};

/** What names a value or bounds a block, and so becomes no instruction of the processor. */
const FREE = new Set(["local.get", "local.set", "local.tee", "i32.const", "v128.const"]);
const STRUCTURE = new Set(["block", "loop", "end"]);

/** What a loop does for each parameter. */
export interface LoopCost {
  readonly bytes: number;
  readonly instructions: number;
}

/** What the model predicts for a step on WebAssembly, on one thread. */
export interface Prediction {
  /** WebAssembly instructions for each parameter, a division or a root counted as three. */
  readonly instructions: number;
  /** Time for each parameter. */
  readonly nanoseconds: number;
  /** The share of the memory's bandwidth that is used: 1 where memory is what limits the step. */
  readonly bandwidthShare: number;
}

/** How many ordinary instructions take as long as one of this name. */
export function weightOf(instruction: string): number {
  return FREE.has(instruction) || STRUCTURE.has(instruction) ? 0 : SLOW[instruction] ?? 1;
}

/** What the model says of loops that run one after the other. */
export function predict(loops: readonly LoopCost[], machine: Machine, doing: string): Prediction {
  const rate = (name: keyof Machine): number => {
    const given = machine[name] ?? MACHINE[name];
    if (typeof given === "number" && given > 0) return given;
    throw new GradusError(`${doing}: \`${name}\` must be a number above 0: given ${shown(given)}`);
  };
  const [bandwidth, speed] = [rate("bandwidth"), rate("instructions")];
  let [seconds, bytes, instructions] = [0, 0, 0];
  for (const loop of loops) {
    seconds += Math.max(loop.bytes / bandwidth, loop.instructions / speed);
    bytes += loop.bytes;
    instructions += loop.instructions;
  }
  const bandwidthShare = seconds === 0 ? 0 : bytes / seconds / bandwidth;
  return { instructions, nanoseconds: 1e9 * seconds, bandwidthShare };
}
