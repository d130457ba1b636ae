/**
 * Writes the body of a WebAssembly function: bytes for the engine, and the same as text for a reader. Operand
 * types are checked as instructions are added, so that a mistake shows where it is made.
 */
import { joined, signed, sized, TYPE_BYTES, unsigned, vector } from "./encoding.ts";
import { instructions, type ValueType } from "./instructions.ts";

/** A local variable or parameter of a function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** A function of the module being written, or one that it imports. */
export interface FunctionType {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** The body of a function. */
export class Code {
  readonly type: FunctionType;
  readonly #locals: ValueType[] = [];
  readonly #bytes: number[] = [];
  /** A line each, in parts, since few ever read it. */
  readonly #text: { readonly indent: number; readonly parts: readonly unknown[] }[] = [];
  /** The lines that are hardly ever run, each by its number. */
  readonly #rare = new Set<number>();
  readonly #stack: ValueType[] = [];
  #indent = 2;
  /** What the stack held where the innermost block began: a block cannot take of it. */
  #floor = 0;

  constructor(type: FunctionType) {
    this.type = type;
  }

  /** The `index`th parameter. */
  param(index: number): Local {
    return { index, type: this.type.params[index] };
  }

  /** A new local variable, 0 at the start. */
  local(type: ValueType): Local {
    this.#locals.push(type);
    return { index: this.type.params.length + this.#locals.length - 1, type };
  }

  /** Adds instructions without immediates, in order. */
  op(...names: string[]): this {
    for (const name of names) this.#plain(name, "none", []);
    return this;
  }

  /** Pushes a local. */
  get({ index, type }: Local): this {
    return this.#add(["local.get", index], [0x20, ...unsigned(index)], [], [type]);
  }

  /** Pops into a local. */
  set({ index, type }: Local): this {
    return this.#add(["local.set", index], [0x21, ...unsigned(index)], [type], []);
  }

  /** Copies the top into a local. */
  tee({ index, type }: Local): this {
    return this.#add(["local.tee", index], [0x22, ...unsigned(index)], [type], [type]);
  }

  /** Pushes an i32. */
  i32(value: number): this {
    return this.#add(["i32.const", value | 0], [0x41, ...signed(value | 0)], [], ["i32"]);
  }

  /** Pushes an f64. */
  f64(value: number): this {
    const bytes = new Uint8Array(Float64Array.of(value).buffer);
    return this.#add(["f64.const", floatText(value)], [0x44, ...bytes], [], ["f64"]);
  }

  /** Pushes a vector whose lanes are all `value`, as 4 float32 or 2 float64. */
  splat(lanes: "f32x4" | "f64x2", value: number): this {
    const array = lanes === "f32x4"
      ? new Float32Array(4).fill(value)
      : new Float64Array(2).fill(value);
    return this.#vector(new Uint8Array(array.buffer));
  }

  /** Pushes a vector of 4 words, or of 2 double words, all of the same bits. */
  bits(lanes: "i32x4" | "i64x2", value: number | bigint): this {
    const array = lanes === "i32x4"
      ? new Uint32Array(4).fill(Number(value))
      : new BigUint64Array(2).fill(BigInt(value));
    return this.#vector(new Uint8Array(array.buffer));
  }

  /** A load or store at a constant offset from the address on the stack. */
  memory(name: string, offset: number = 0): this {
    const align = instructions.get(name)?.align ?? 0;
    const bytes = [...unsigned(align), ...unsigned(offset)];
    return this.#plain(name, "memory", bytes, offset === 0 ? [] : [`offset=${offset}`]);
  }

  /** A store of one lane. */
  memoryLane(name: string, lane: number, offset: number = 0): this {
    const align = instructions.get(name)?.align ?? 0;
    const suffix = [...(offset === 0 ? [] : [`offset=${offset}`]), lane];
    const bytes = [...unsigned(align), ...unsigned(offset), lane];
    return this.#plain(name, "memory lane", bytes, suffix);
  }

  /** An instruction on one lane. */
  lane(name: string, lane: number): this {
    return this.#plain(name, "lane", [lane], [lane]);
  }

  /** Picks 16 bytes out of the two vectors on top. */
  shuffle(...picks: number[]): this {
    const text = ["i8x16.shuffle", ...picks];
    return this.#add(text, [0xfd, 0x0d, ...picks], ["v128", "v128"], ["v128"]);
  }

  /** Calls the function of the module with this index. */
  call(index: number, { params, results }: FunctionType): this {
    return this.#add(["call", index], [0x10, ...unsigned(index)], params, results);
  }

  /** A block; `branch(0)` within it goes to its end. */
  block(body: () => void): this {
    return this.#nest("block", 0x02, body);
  }

  /** A loop; `branch(0)` within it goes to its beginning. */
  loop(body: () => void): this {
    return this.#nest("loop", 0x03, body);
  }

  /** What is hardly ever run: it does not count among the {@linkcode instructions}. */
  rarely(body: () => void): this {
    const from = this.length;
    body();
    for (let line = from; line < this.length; line++) this.#rare.add(line);
    return this;
  }

  /** How much has been added: what `instructions` counts from. */
  get length(): number {
    return this.#text.length;
  }

  /** What was added from one {@linkcode length} to another and is run as a rule: names and immediates. */
  instructions(from: number, to: number): (readonly unknown[])[] {
    const lines = this.#text.slice(from, to);
    return lines.flatMap(({ parts }, i) => this.#rare.has(from + i) ? [] : [parts]);
  }

  /** Goes to the `depth`th enclosing block or loop if the i32 on top is not 0. */
  branchIf(depth: number): this {
    return this.#add(["br_if", depth], [0x0d, ...unsigned(depth)], ["i32"], []);
  }

  /** Goes to the `depth`th enclosing block or loop; nothing may follow in the block. */
  branch(depth: number): this {
    return this.#add(["br", depth], [0x0c, ...unsigned(depth)], [], []);
  }

  /**
   * Goes to the enclosing block that the i32 on top picks of `depths`, or to the last of them if it picks
   * none; nothing may follow in the block.
   */
  branchTable(...depths: number[]): this {
    const bytes = [...vector(depths.slice(0, -1).map(unsigned)), ...unsigned(depths.at(-1)!)];
    return this.#add(["br_table", ...depths], [0x0e, ...bytes], ["i32"], []);
  }

  /** The bytes of the function's code entry. */
  bytes(): Uint8Array<ArrayBuffer> {
    const left = this.#stack.join();
    if (left !== this.type.results.join()) {
      throw new Error(`${this.type.name} leaves [${left}], and must leave [${this.type.results}]`);
    }
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      if (runs.at(-1)?.type === type) runs.at(-1)!.count++;
      else runs.push({ type, count: 1 });
    }
    const locals = vector(runs.map(({ type, count }) => [...unsigned(count), TYPE_BYTES[type]]));
    return sized(joined([locals, this.#bytes, [0x0b]]));
  }

  /** The function as text. */
  text(): string {
    const { name, params, results } = this.type;
    const list = (kind: string, types: readonly ValueType[]) =>
      types.length === 0 ? "" : ` (${kind} ${types.join(" ")})`;
    return [
      `  (func $${name}${list("param", params)}${list("result", results)}`,
      ...(this.#locals.length === 0 ? [] : [`    (local ${this.#locals.join(" ")})`]),
      ...this.#text.map(({ indent, parts }) => "  ".repeat(indent) + parts.map(partText).join(" ")),
      "  )",
    ].join("\n");
  }

  #vector(bytes: Uint8Array): this {
    const words = new Uint32Array(bytes.buffer);
    return this.#add(["v128.const", "i32x4", words], [0xfd, 0x0c, ...bytes], [], ["v128"]);
  }

  #plain(name: string, immediate: string, bytes: number[], suffix: unknown[] = []): this {
    const instruction = instructions.get(name);
    const where = `${name} in ${this.type.name}`;
    if (instruction === undefined) throw new Error(`${where} is no known instruction`);
    if (instruction.immediate !== immediate) {
      throw new Error(`${where} takes the immediate ${instruction.immediate}, not ${immediate}`);
    }
    const { opcode, takes, gives } = instruction;
    return this.#add([name, ...suffix], [...opcode, ...bytes], takes, gives);
  }

  #nest(name: string, opcode: number, body: () => void): this {
    this.#line([name]);
    this.#bytes.push(opcode, 0x40);
    const [depth, floor] = [this.#stack.length, this.#floor];
    this.#indent++;
    this.#floor = depth;
    body();
    this.#floor = floor;
    this.#indent--;
    if (this.#stack.length !== depth) {
      throw new Error(`a ${name} in ${this.type.name} leaves [${this.#stack.slice(depth)}]`);
    }
    this.#line(["end"]);
    this.#bytes.push(0x0b);
    return this;
  }

  #add(
    parts: readonly unknown[],
    bytes: readonly number[],
    takes: readonly ValueType[],
    gives: readonly ValueType[],
  ): this {
    const from = this.#stack.length - takes.length;
    if (from < this.#floor || takes.some((type, i) => type !== this.#stack[from + i])) {
      const given = this.#stack.slice(Math.max(from, this.#floor, 0));
      const text = parts.map(partText).join(" ");
      throw new Error(`${text} in ${this.type.name} takes [${takes}] and was given [${given}]`);
    }
    this.#stack.length = from;
    this.#stack.push(...gives);
    for (const byte of bytes) this.#bytes.push(byte);
    this.#line(parts);
    return this;
  }

  #line(parts: readonly unknown[]): void {
    this.#text.push({ indent: this.#indent, parts });
  }
}

function partText(part: unknown): string {
  if (!(part instanceof Uint32Array)) return String(part);
  return Array.from(part, (word) => `0x${word.toString(16)}`).join(" ");
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  return Number.isFinite(value)
    ? (Object.is(value, -0) ? "-0" : String(value))
    : value > 0
    ? "inf"
    : "-inf";
}
