/** The machine that trains programs, and its memory. */
import { GradusError } from "../../dsl/errors.ts";
import { GRAIN, type Instruction, INSTRUCTION_BYTES, opcodes, WORD } from "./instructions.ts";
import { machineModule, MEMORY } from "./wasm_module.ts";

const PAGE = 65_536;

/** Assembled instructions: where in memory they begin and end. */
export interface Assembled {
  readonly code: number;
  readonly end: number;
}

type Run = (code: number, end: number, from: number, to: number) => void;

let compiled: WebAssembly.Module | undefined;

/** A machine with memory of its own. */
export class Machine {
  readonly #memory = new WebAssembly.Memory(MEMORY);
  readonly #run: Run;
  /** Where the next memory to be taken begins; setting it gives back what was taken since. */
  top = PAGE;
  /** All memory as float32, as float64 and as words; new ones once memory has grown. */
  floats!: Float32Array<ArrayBuffer>;
  doubles!: Float64Array<ArrayBuffer>;
  words!: Int32Array<ArrayBuffer>;

  constructor() {
    compiled ??= new WebAssembly.Module(machineModule().bytes());
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#run = exports.run as Run;
    this.#view();
  }

  /** Takes memory; its contents are what was left there. */
  take(bytes: number): number {
    const address = this.top;
    this.top += Math.ceil(bytes / GRAIN) * GRAIN;
    const missing = this.top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE));
    return address;
  }

  /** Takes memory and fills it. */
  place(values: ArrayLike<number>): number {
    const address = this.take(4 * values.length);
    this.floats.set(values, address / 4);
    return address;
  }

  /** Writes instructions one after the other. */
  assemble(instructions: readonly Instruction[]): Assembled {
    const code = this.take(INSTRUCTION_BYTES * instructions.length);
    const { words } = this;
    let at = code / 4;
    for (const each of instructions) {
      words[at + WORD.op] = opcodes.get(each.name)!;
      words[at + WORD.bytes] = each.bytes ?? 0;
      words[at + WORD.dst] = each.dst ?? 0;
      words[at + WORD.dstStep] = each.dstStep ?? 0;
      words[at + WORD.a] = each.a ?? 0;
      words[at + WORD.aStep] = each.aStep ?? 0;
      words[at + WORD.b] = each.b ?? 0;
      words[at + WORD.bStep] = each.bStep ?? 0;
      words[at + WORD.c] = each.c ?? 0;
      words[at + WORD.cStep] = each.cStep ?? 0;
      words[at + WORD.d] = each.d ?? 0;
      words[at + WORD.dStep] = each.dStep ?? 0;
      words[at + WORD.table] = each.table ?? 0;
      words[at + WORD.extra] = each.extra ?? 0;
      at += WORD.count;
    }
    return { code, end: code + INSTRUCTION_BYTES * instructions.length };
  }

  /** Does instructions for every step from `from` up to `to`. */
  run({ code, end }: Assembled, from: number, to: number): void {
    if (end > code) this.#run(code, end, from, to);
  }

  #grow(pages: number): void {
    try {
      this.#memory.grow(Math.max(pages, MEMORY.initial));
    } catch {
      throw new GradusError(
        `Cannot train a program: its tasks need more memory than a machine has: at ${this.top} bytes`,
      );
    }
    this.#view();
  }

  #view(): void {
    const buffer = this.#memory.buffer as ArrayBuffer;
    this.floats = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.words = new Int32Array(buffer);
  }
}
