/** Runs programs on fixed inputs and keeps what they update: nothing is trained. */
import type { Analysis } from "../analysis/analyse.ts";
import { compile, type Workbench } from "./compile.ts";
import { Machine } from "./machine.ts";
import { placeSegments, type Segment, vectorBytes } from "./pack.ts";
import type { Space } from "../programs/space.ts";

/** Inputs of so many steps, each a number an element. */
export interface Recording {
  readonly steps: number;
  readonly tensors: readonly Segment[];
  /** Elements of a vector: all tensors, and what is between them. */
  readonly size: number;
  readonly lr: Float64Array;
  /** The parameter and the gradient of an element at a step. */
  at(step: number, element: number): readonly [w: number, g: number];
}

/** A machine with inputs in its memory. */
export class Recorder {
  readonly #space: Space;
  readonly #machine = new Machine();
  readonly #bench: Workbench & {
    readonly out: { readonly address: number; readonly step: number };
  };
  readonly #steps: number;

  constructor(space: Space, { steps, tensors, size, lr, at }: Recording) {
    [this.#space, this.#steps] = [space, steps];
    const machine = this.#machine;
    const bytes = vectorBytes(size);
    const [w, g, out] = [0, 1, 2].map(() => machine.take(bytes * steps));
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < size; i++) {
        const place = (step * bytes) / 4 + i;
        [machine.floats[w / 4 + place], machine.floats[g / 4 + place]] = at(step, i);
      }
    }
    this.#bench = {
      machine,
      bytes,
      w: { address: w, step: bytes },
      g: { address: g, step: bytes },
      lr,
      ...placeSegments(machine, tensors),
      out: { address: out, step: bytes },
    };
  }

  /** The updates, a vector a step; overwritten by the next program's. */
  updates(analysis: Analysis): Float32Array {
    const machine = this.#machine;
    const top = machine.top;
    try {
      const { out, bytes } = this.#bench;
      const { instructions, states } = compile(this.#space, analysis, this.#bench);
      for (const state of states) machine.floats.fill(0, state / 4, (state + bytes) / 4);
      machine.run(machine.assemble(instructions), 0, this.#steps);
      return machine.floats.subarray(out.address / 4, (out.address + bytes * this.#steps) / 4);
    } finally {
      machine.top = top;
    }
  }
}
