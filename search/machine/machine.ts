/** The machine that trains programs, and its memory. */
import { GradusError } from "../../dsl/errors.ts";
import { INSTRUCTION_BYTES, machineModule, opcodes, WORD } from "./interpreter.ts";

const PAGE = 65_536;
const FIRST_PAGES = 64;

/** An instruction; what is left out is 0. */
export type Instruction =
  & { readonly name: string }
  & Partial<Readonly<Record<Exclude<keyof typeof WORD, "op" | "count">, number>>>;

type Run = (code: number, end: number, from: number, to: number) => void;

let compiled: WebAssembly.Module | undefined;

/** A machine with memory of its own. */
export class Machine {
  readonly #memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: 16_384 });
  readonly #run: Run;
  #top = PAGE;
  /** All memory as float32, as float64 and as words; new ones once memory has grown. */
  floats: Float32Array<ArrayBuffer>;
  doubles: Float64Array<ArrayBuffer>;
  words: Int32Array<ArrayBuffer>;

  constructor() {
    compiled ??= new WebAssembly.Module(machineModule(FIRST_PAGES).bytes());
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#run = exports.run as Run;
    const buffer = this.#memory.buffer as ArrayBuffer;
    this.floats = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** Where the next memory to be taken begins; setting it gives back what was taken since. */
  get top(): number {
    return this.#top;
  }
  set top(address: number) {
    this.#top = address;
  }

  /** Takes memory; its contents are what was left there. */
  take(bytes: number): number {
    const address = this.#top;
    this.#top += Math.ceil(bytes / 64) * 64;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE));
    return address;
  }

  /** Takes memory and fills it. */
  place(values: ArrayLike<number>): number {
    const address = this.take(4 * values.length);
    this.floats.set(values, address / 4);
    return address;
  }

  /** Writes instructions one after the other; returns where they begin and end. */
  assemble(instructions: readonly Instruction[]): { readonly code: number; readonly end: number } {
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
      words[at + WORD.table] = each.table ?? 0;
      words[at + WORD.extra] = each.extra ?? 0;
      at += WORD.count;
    }
    return { code, end: code + INSTRUCTION_BYTES * instructions.length };
  }

  /** Does instructions for every step from `from` up to `to`. */
  run(
    { code, end }: { readonly code: number; readonly end: number },
    from: number,
    to: number,
  ): void {
    if (end > code) this.#run(code, end, from, to);
  }

  #grow(pages: number): void {
    try {
      this.#memory.grow(Math.max(pages, FIRST_PAGES));
    } catch {
      throw new GradusError(
        `Cannot train a program: its tasks need more memory than a machine has: at ${this.#top} bytes`,
      );
    }
    const buffer = this.#memory.buffer as ArrayBuffer;
    this.floats = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.words = new Int32Array(buffer);
  }
}
