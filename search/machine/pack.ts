/** A pack: what programs run on, tensors in one vector, with the gradient and the score it was given. */
import { GRAIN, type Instruction, SEGMENT } from "./instructions.ts";
import type { Assembled, Machine } from "./machine.ts";

/** Where a vector is at step 0, and how many bytes it goes on a step. */
export interface Place {
  readonly address: number;
  readonly step: number;
}

/** A stretch of a vector that is one tensor: where it begins and how long it is, in elements. */
interface Segment {
  readonly at: number;
  readonly length: number;
}

/** A program as instructions, and its states, to be set to 0 before the first step. */
export interface Compiled {
  readonly instructions: readonly Instruction[];
  readonly states: readonly number[];
}

/** What a pack is made of. */
export interface PackOptions {
  /** The schedule: a number a step. */
  readonly lr: Float64Array;
  /** How many elements each tensor has. */
  readonly lengths: readonly number[];
  /**
   * Whether parameters and gradients of all steps lie ready, and updates are kept in `out`. Otherwise there
   * is one vector of each, and updates are subtracted from the parameters.
   */
  readonly isReplay?: boolean;
}

/** What a program is to do; what is left out is nothing. */
export interface Objective {
  /** Goes to the start. */
  readonly start?: () => void;
  /** Writes the gradient of a step: instructions that come before a program's, or a function. */
  readonly gradient?: readonly Instruction[] | ((step: number) => void);
  /** How good each problem's place is after `steps`: the more, the better; not finite if it exploded. */
  readonly scores?: (steps: number) => Float64Array;
}

/** The memory and the schedule of tensors that programs run on side by side. */
export class Pack {
  readonly machine: Machine;
  /** The schedule, times {@linkcode rate}. */
  lr: Float64Array;
  readonly tensors: readonly Segment[];
  /** Bytes of a vector: tensors one after the other, each where a machine's vector may begin. */
  readonly bytes: number;
  readonly w: Place;
  readonly g: Place;
  /** Where updates go, if they are kept. */
  readonly out: Place | undefined;
  /** The table of tensors that reductions go through. */
  readonly table: { readonly begin: number; readonly end: number };
  readonly #objective: Objective;
  readonly #schedule: Float64Array;

  constructor(
    machine: Machine,
    { lr, lengths, isReplay = false }: PackOptions,
    objectiveOf: (pack: Pack) => Objective = () => ({}),
  ) {
    [this.machine, this.lr, this.#schedule] = [machine, lr, lr];
    let at = 0;
    this.tensors = lengths.map((length) => {
      const tensor = { at, length };
      at += aligned(length, 4);
      return tensor;
    });
    const bytes = this.bytes = aligned(4 * at, GRAIN);
    const steps = isReplay ? lr.length : 1;
    const [w, g, out] = Array.from({ length: isReplay ? 3 : 2 }, (): Place => {
      const address = machine.take(bytes * steps);
      machine.floats.fill(0, address / 4, (address + bytes * steps) / 4);
      return { address, step: isReplay ? bytes : 0 };
    });
    [this.w, this.g, this.out] = [w, g, out];
    this.table = placeTable(machine, this.tensors);
    this.#objective = objectiveOf(this);
  }

  /** Multiplies the schedule, for what is loaded from then on. */
  set rate(factor: number) {
    this.lr = factor === 1 ? this.#schedule : this.#schedule.map((lr) => lr * factor);
  }

  /** How many steps there are. */
  get steps(): number {
    return this.lr.length;
  }

  /** The tensors of a vector as they lie in memory, until that grows. */
  tensorsAt({ address, step: stride }: Place, step: number = 0): Float32Array[] {
    const first = (address + step * stride) / 4;
    const { floats } = this.machine;
    return this.tensors.map(({ at, length }) => floats.subarray(first + at, first + at + length));
  }

  /** Makes a program ready, behind the gradient, and goes to the start. */
  load({ instructions, states }: Compiled): Assembled {
    const { floats } = this.machine;
    for (const state of states) floats.fill(0, state / 4, (state + this.bytes) / 4);
    const { gradient, start } = this.#objective;
    const first = typeof gradient === "object" ? gradient : [];
    const program = this.machine.assemble([...first, ...instructions]);
    start?.();
    return program;
  }

  /** Goes on from one step to another. */
  advance(program: Assembled, from: number, to: number): void {
    const { gradient } = this.#objective;
    if (typeof gradient !== "function") return this.machine.run(program, from, to);
    for (let step = from; step < to; step++) {
      gradient(step);
      this.machine.run(program, step, step + 1);
    }
  }

  /** How good each problem's place is after `steps`. */
  scores(steps: number): Float64Array {
    return this.#objective.scores?.(steps) ?? new Float64Array();
  }
}

function aligned(count: number, grain: number): number {
  return Math.ceil(count / grain) * grain;
}

function placeTable(machine: Machine, tensors: readonly Segment[]): Pack["table"] {
  const begin = machine.take(SEGMENT.bytes * tensors.length);
  tensors.forEach(({ at, length }, i) => {
    const entry = begin + i * SEGMENT.bytes;
    machine.words[(entry + SEGMENT.offset) / 4] = 4 * at;
    machine.words[(entry + SEGMENT.whole) / 4] = Math.floor(length / 4) * 16;
    machine.words[(entry + SEGMENT.padded) / 4] = Math.ceil(length / 4) * 16;
    machine.doubles[(entry + SEGMENT.count) / 8] = length;
    for (let lane = 0; lane < 4; lane++) {
      machine.words[(entry + SEGMENT.mask) / 4 + lane] = lane < length % 4 ? -1 : 0;
    }
  });
  return { begin, end: begin + SEGMENT.bytes * tensors.length };
}
