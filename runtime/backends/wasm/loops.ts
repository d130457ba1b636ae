/**
 * The loops of one pass: through a table of entries in memory, each a stretch of one leaf, so that one call
 * steps all leaves, and through each by vectors as far as they go.
 */
import { type ElementOpName, type Node, symbol } from "../../../dsl/node.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { type Loop, operandsOf, type Plan } from "../../plan/plan.ts";
import { type ArrayKind, type GroupRun, isBlocked, isPair, secondOf } from "../backend.ts";
import { Accumulators } from "./accumulate.ts";
import { BLOCK_WORDS, blockBytes, Blocks, type CallStore } from "./blocks.ts";
import { ENTRY, entryNumbers, entryWords, numbersBytes } from "./entry.ts";
import { Draws, isRandom } from "./draws.ts";
import { roundedOutputs } from "../random.ts";
import type { Code, Local } from "./code.ts";
import type { Drawn } from "./math/random.ts";
import type { Pass } from "./passes.ts";
import { type Stream, strideOf, Transfers, type Width } from "./load_store.ts";
import { roundStochastically } from "./rounding.ts";
import { Walk } from "./walk.ts";

/** Calls the routines of what is no instruction. */
export interface Calls {
  routine(op: ElementOpName): void;
  random(op: Drawn): void;
  readonly storeBlock: CallStore;
}

/** Writes the loops of one pass into its function. */
export class Loops {
  readonly #code: Code;
  readonly #calls: Calls;
  readonly #plan: Plan;
  readonly #loop: Loop;
  readonly #lanes: "f32x4" | "f64x2";
  readonly #inputs = new Map<Node["arg"], Stream>();
  readonly #outputs = new Map<string, Stream>();
  /** Constants and numbers of the entry, in registers throughout a loop. */
  readonly #fixed = new Map<Node, Local>();
  readonly #constants = new Map<number | "-0", Local>();
  readonly #transfers: Transfers;
  readonly #dtype: GroupRun["dtype"];
  readonly #walk: Walk | undefined;
  readonly #accumulators: Accumulators;
  readonly #left: Local;
  readonly #position: Local;
  readonly #draws: Draws | undefined;
  #blocks: Blocks | undefined;
  /** Of each result that is stored in blocks, whether none of its numbers is below 0. */
  blocksStored: readonly boolean[] = [];
  readonly #numbersBytes: number;

  constructor(
    code: Code,
    calls: Calls,
    plan: Plan,
    pass: Pass,
    dtype: GroupRun["dtype"],
    inputs: readonly ArrayKind[],
    outputs: readonly ArrayKind[],
  ) {
    const { loop, axes } = pass;
    [this.#code, this.#calls, this.#plan, this.#loop] = [code, calls, plan, loop];
    this.#dtype = dtype;
    this.#lanes = dtype === "float32" ? "f32x4" : "f64x2";
    this.#left = code.local("i32");
    this.#position = code.local("i32");
    this.#walk = axes === undefined ? undefined : new Walk(code, plan, pass, axes, dtype);
    this.#accumulators = new Accumulators(code, loop, this.#walk, this.#lanes, this.#position);
    this.#entryWords = entryWords({ inputs, outputs });
    if (blockBytes({ inputs, outputs }) !== undefined) {
      this.#blocks = new Blocks(code, calls.storeBlock, this.#entryWords - BLOCK_WORDS.words);
    }
    const used = new Set(operandsOf(loop).map(({ op, arg }) => op === "Symbol" ? arg : null));
    const written = new Set(loop.outputs.map(({ target }) => target));
    this.#entry(inputs, outputs, used, written);
    if (this.#blocks?.slots.length === 0) this.#blocks = undefined;
    this.#numbersBytes = numbersBytes(plan, dtype, outputs);
    const rounded = roundedOutputs(outputs).flatMap((k, i): [Stream, number][] => {
      const stream = this.#outputs.get(outputs[k].name);
      return stream === undefined ? [] : [[stream, plan.random.length + i]];
    });
    if (loop.nodes.some(isRandom) || rounded.length > 0) {
      const { scalars, tensor } = entryNumbers(plan);
      const places = { ...ENTRY, keys: scalars.length + tensor.length };
      const drawn = loop.nodes.filter(isRandom)
        .map((node): [Node, number] => [node, plan.random.indexOf(node)]);
      const all = new Map<Node | Stream, number>([...drawn, ...rounded]);
      this.#draws = new Draws(code, all, places, calls.random);
    }
    this.#transfers = new Transfers(code, this.#arrays.map(({ slot }) => slot.dtype));
  }

  render(): void {
    const code = this.#code;
    const [entry, count] = [code.param(0), code.param(1)];
    const arrays = this.#arrays!;
    code.block(() => {
      code.loop(() => {
        code.get(count).op("i32.eqz").branchIf(1);
        code.get(entry).memory("i32.load", 4 * ENTRY.length).set(this.#left);
        arrays.forEach(({ slot, word, lowWord }) => {
          code.get(entry).memory("i32.load", 4 * word).set(slot.address);
          if (slot.low !== undefined) {
            code.get(entry).memory("i32.load", 4 * lowWord).set(slot.low);
          }
        });
        this.#readNumbers(entry);
        this.#draws?.begin(entry);
        this.#accumulators.begin();
        this.#blocks?.begin(entry);
        if (this.#walk !== undefined) this.#goThroughAxes(this.#walk, entry);
        else this.#blockByBlock(() => this.#run());
        this.#blocks?.end();
        code.get(entry).memory("i32.load", 4 * ENTRY.sums);
        this.#accumulators.end();
        code.get(entry).i32(4 * this.#entryWords).op("i32.add").set(entry);
        code.get(count).i32(1).op("i32.sub").set(count);
        code.branch(0);
      });
    });
  }

  #goThroughAxes(walk: Walk, entry: Local): void {
    const code = this.#code;
    const [numbers, first] = [code.local("i32"), code.local("i32")];
    code.get(entry).memory("i32.load", 4 * ENTRY.numbers).set(numbers);
    code.get(entry).memory("i32.load", 4 * ENTRY.first).set(first);
    walk.begin(numbers, this.#numbersBytes, first, this.#left);
    walk.runs(this.#left, () =>
      this.#blockByBlock(() => {
        // Blocks begin with the first lane.
        if (this.#accumulators.haveLanes) this.#untilAligned(this.#blocks?.filled ?? walk.place);
        this.#run();
      }));
  }

  /** Lets `body` go through what is left, of one block at a time where there are any. */
  #blockByBlock(body: () => void): void {
    if (this.#blocks === undefined) body();
    else this.#blocks.runs(this.#left, body);
  }

  /** The elements before the first that goes to the first lane: a run may begin at any. */
  #untilAligned(place: Local): void {
    const code = this.#code;
    const rest = code.local("i32");
    code.block(() => {
      code.get(place).i32(3).op("i32.and").tee(this.#position).op("i32.eqz").branchIf(0);
      code.get(this.#left).set(rest);
      code.block(() => {
        code.i32(4).get(this.#position).op("i32.sub").tee(this.#left);
        code.get(rest).op("i32.le_u").branchIf(0);
        code.get(rest).set(this.#left);
      });
      code.get(rest).get(this.#left).op("i32.sub").set(rest);
      this.#stretch("single");
      code.get(rest).set(this.#left);
    });
  }

  /** As many elements as are left, by vectors as far as they go. */
  #run(): void {
    this.#stretch("vector");
    this.#code.i32(0).set(this.#position);
    this.#stretch("single");
  }

  #arrays: { slot: Stream; word: number; lowWord: number }[] = [];
  readonly #entryWords: number;
  /** Where in the code the loop over vectors is, and how many elements it takes at a time. */
  vectorLoop: { readonly from: number; readonly to: number; readonly elements: number } = {
    from: 0,
    to: 0,
    elements: 1,
  };

  #entry(
    inputs: readonly ArrayKind[],
    outputs: readonly ArrayKind[],
    used: ReadonlySet<Node["arg"]>,
    written: ReadonlySet<string>,
  ): void {
    const place = (kind: ArrayKind, word: number, lowWord: number): Stream => {
      const isRounded = kind.rounding !== undefined;
      const address = this.#code.local("i32");
      const low = isPair(kind) ? { low: this.#code.local("i32") } : {};
      const slot: Stream = { dtype: kind.dtype, isRounded, address, ...low };
      this.#arrays.push({ slot, word, lowWord });
      return slot;
    };
    inputs.forEach((kind, i) => {
      if (kind.isSecond) return;
      const isElement = this.#plan.extents.get(symbol(kind.name)) === "element";
      if (isElement && used.has(kind.name)) {
        const [word, second] = [ENTRY.arrays + i, ENTRY.arrays + secondOf(inputs, i)];
        const slot = isBlocked(kind)
          ? this.#blocks!.input(kind, word, second)
          : place(kind, word, second);
        this.#inputs.set(kind.name, slot);
      }
    });
    outputs.forEach((kind, i) => {
      if (this.#loop.extent !== "element" || !written.has(kind.name) || kind.isSecond) return;
      const first = ENTRY.arrays + inputs.length;
      const [word, second] = [first + i, first + secondOf(outputs, i)];
      const slot = isBlocked(kind)
        ? this.#blocks!.output(outputs, i, word, second)
        : place(kind, word, second);
      this.#outputs.set(kind.name, slot);
    });
    this.blocksStored = outputs.flatMap((kind) =>
      isBlocked(kind) && this.#outputs.has(kind.name) && !kind.isSecond
        ? [kind.isUnsigned === true]
        : []
    );
  }

  #readNumbers(entry: Local): void {
    const code = this.#code;
    const isDouble = this.#lanes === "f64x2";
    const used = new Set(operandsOf(this.#loop));
    const { scalars, tensor } = entryNumbers(this.#plan);
    [...scalars, ...tensor].forEach((node, i) => {
      if (!used.has(node)) return;
      const local = this.#fixed.get(node) ?? code.local("v128");
      this.#fixed.set(node, local);
      code.get(entry).memory("i32.load", 4 * ENTRY.numbers);
      if (isDouble) code.memory("v128.load64_splat", 8 * i);
      else code.memory("v128.load32_splat", 4 * i);
      code.set(local);
    });
    for (const node of used) {
      if (node.op !== "Const" || this.#fixed.has(node)) continue;
      this.#fixed.set(node, this.#constant(node.arg as number));
    }
    for (const { op } of this.#loop.nodes) {
      const wasm = elementRow(op)?.wasm ?? null;
      if (wasm === null || wasm === "routine" || !("chain" in wasm)) continue;
      for (const [, constant] of wasm.chain) this.#constant(constant[this.#lanes]);
    }
  }

  /** A vector filled with `value`, which stays in a register. */
  #constant(value: number): Local {
    const known = this.#constants.get(keyOf(value));
    if (known !== undefined) return known;
    const local = this.#code.local("v128");
    this.#constants.set(keyOf(value), local);
    this.#code.splat(this.#lanes, value).set(local);
    return local;
  }

  /** A loop over all whole vectors that are left, or over what is left then. */
  #stretch(width: Width): void {
    const code = this.#code;
    // Vectors go in pairs: the loop's own instructions count half, and two of short numbers are moved at once.
    const halves = width === "vector" ? 2 : 1;
    const each = width === "single" ? 1 : this.#lanes === "f64x2" ? 2 : 4;
    const elements = halves * each;
    const from = code.length;
    code.block(() => {
      code.loop(() => {
        code.get(this.#left).i32(elements).op("i32.lt_u").branchIf(1);
        for (let half = 0; half < halves; half++) {
          this.#body(width, half);
          this.#draws?.advance(each);
        }
        const slots = [
          ...this.#arrays.map(({ slot }) => slot),
          ...this.#blocks?.slots ?? [],
          ...this.#walk?.slots.values() ?? [],
        ];
        for (const { dtype, address, low } of slots) {
          code.get(address).i32(elements * strideOf(dtype, "single")).op("i32.add").set(address);
          if (low !== undefined) code.get(low).i32(elements).op("i32.add").set(low);
        }
        if (width === "single") {
          code.get(this.#position).i32(1).op("i32.add").i32(3).op("i32.and").set(this.#position);
        }
        code.get(this.#left).i32(elements).op("i32.sub").set(this.#left);
        code.branch(0);
      });
    });
    if (width === "vector") this.vectorLoop = { from, to: code.length, elements };
  }

  readonly #reused: Local[] = [];

  #body(width: Width, half: number): void {
    const code = this.#code;
    // Bodies share their locals, since engines allow a function only so many.
    let taken = 0;
    const take = () => this.#reused[taken++] ??= code.local("v128");
    const values = new Map<Node, Local>([...this.#fixed, ...this.#walk?.constants ?? []]);
    const read = (node: Node): Local => {
      const known = values.get(node);
      if (known !== undefined) return known;
      const local = take();
      this.#transfers.load(this.#walk?.slots.get(node) ?? this.#inputs.get(node.arg)!, width, half);
      code.set(local);
      values.set(node, local);
      return local;
    };
    const rounded = (stream: Stream, value: Local): Local => {
      const [random, result] = [take(), take()];
      const isAligned = width === "vector" && this.#walk === undefined;
      if (isAligned) this.#draws!.pushAligned(stream, half);
      else this.#draws!.pushBits(stream, width);
      code.set(random);
      roundStochastically(code, stream.dtype, value, random);
      code.set(result);
      return result;
    };
    for (const node of this.#loop.nodes) {
      if (isRandom(node)) this.#draws!.push(node, width);
      else this.#operate(node, node.src.map(read));
      const local = take();
      code.set(local);
      values.set(node, local);
    }
    for (const each of this.#loop.accumulations) {
      this.#accumulators.add(each, read(each.operand), width, half);
    }
    // Everything is read before anything is written: the arrays may be the same.
    const results = this.#written().map(([stream, node]) => ({ stream, value: read(node) }));
    for (const { stream, value } of results) {
      this.#transfers.store(stream, width, half, stream.isRounded ? rounded(stream, value) : value);
    }
  }

  /** Pushes the result of an operation. */
  #operate({ op }: Node, operands: readonly Local[]): void {
    const code = this.#code;
    const { wasm } = elementRow(op)!;
    const isOne = wasm !== "routine" && "instruction" in wasm!;
    const order = (isOne ? wasm.order : undefined) ?? operands.map((_, i) => i);
    for (const i of order) code.get(operands[i]);
    if (isOne) code.op(wasm.instruction.replace("*", this.#lanes));
    else if (wasm === "routine") this.#calls.routine(op as ElementOpName);
    else {
      for (const [instruction, constant] of wasm!.chain) {
        const value = this.#constants.get(keyOf(constant[this.#lanes]))!;
        code.get(value).op(instruction.replace("*", this.#lanes));
      }
    }
  }

  /** What an element's results are, and where they go. */
  #written(): (readonly [Stream, Node])[] {
    const { extent, kept, outputs } = this.#loop;
    if (extent === "element") {
      return outputs.map(({ target, node }) => [this.#outputs.get(target)!, node]);
    }
    const { slots } = this.#walk!;
    return [
      ...kept.map((node) => [slots.get(node)!, node] as const),
      ...outputs.map((output) => [slots.get(output)!, output.node] as const),
    ];
  }
}

/** By what a map tells every constant from all others. */
function keyOf(value: number): number | "-0" {
  return Object.is(value, -0) ? "-0" : value;
}
