/** Writes the functions of a space as instructions of the machine. */
import { lower } from "../../dsl/lower.ts";
import { type Node, postorder } from "../../dsl/node.ts";
import { reduceRow } from "../../dsl/ops.ts";
import type { SearchFunction } from "../programs/functions.ts";
import { endings, type Instruction, namesOf } from "./instructions.ts";
import type { Pack, Place } from "./pack.ts";

/** One number a step, or a single one; or a vector. */
export type Value = { readonly numbers: ArrayLike<number> } | { readonly place: Place };

/** A function's operations, operands before their users. */
interface Template {
  readonly nodes: readonly Node[];
  /** For each node, its operands' places in `nodes`. */
  readonly operands: readonly (readonly number[])[];
  /** For each node, the parameter that it is, or -1. */
  readonly parameters: readonly number[];
  /** For each node, the last that reads it. */
  readonly last: readonly number[];
}

const templates = new WeakMap<SearchFunction, Template>();
const NOWHERE: Place = { address: 0, step: 0 };
const NOTHING: readonly Value[] = [];

function templateOf(given: SearchFunction): Template {
  let template = templates.get(given);
  if (template === undefined) {
    const root = lower([given.expression], "wasm")(given.expression);
    const nodes = postorder([root]);
    const operands = nodes.map(({ src }) => src.map((operand) => nodes.indexOf(operand)));
    template = {
      nodes,
      operands,
      parameters: nodes.map(({ op, arg }) =>
        op === "Symbol" ? given.parameters.findIndex(({ name }) => name === arg) : -1
      ),
      last: nodes.map((_, i) => operands.findLastIndex((each) => each.includes(i))),
    };
    templates.set(given, template);
  }
  return template;
}

/** Writes instructions; registers are taken from the machine's memory, and used again once given back. */
export class Emitter {
  /** What was written. */
  readonly instructions: Instruction[] = [];
  readonly #pack: Pack;
  readonly #free: number[] = [];
  readonly #registers = new Set<number>();
  readonly #constants = new Map<number, number>();

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  /**
   * The result of a function, in a register of its own or the place given, unless it is numbers. Arguments
   * that are `ending` are read by nothing later, and their registers are given back.
   */
  call(
    given: SearchFunction,
    args: readonly Value[],
    into?: Place,
    ending: readonly Value[] = NOTHING,
  ): Value {
    const { nodes, operands, parameters, last } = templateOf(given);
    const values: Value[] = [];
    const isLast = (k: number, i: number): boolean => {
      if (parameters[k] < 0) return last[k] === i;
      const value = values[k];
      if (!ending.includes(value)) return false;
      return parameters.every((j, other) => args[j] !== value || last[other] <= i);
    };
    for (let i = 0; i < nodes.length; i++) {
      const { op, arg } = nodes[i];
      if (parameters[i] >= 0) {
        values.push(args[parameters[i]]);
        continue;
      }
      if (op === "Const") {
        values.push({ numbers: [arg as number] });
        continue;
      }
      const [src, over]: [Value[], Value[]] = [[], []];
      for (const k of operands[i]) {
        src.push(values[k]);
        if ("place" in values[k] && isLast(k, i)) over.push(values[k]);
      }
      values.push(this.#apply(nodes[i], src, over, i === nodes.length - 1 ? into : undefined));
    }
    // A result of its own, so that giving back an argument takes nothing from it.
    const result = values[values.length - 1];
    return "place" in result && args.includes(result) ? this.copied(result) : result;
  }

  #apply(node: Node, src: readonly Value[], ending: readonly Value[], into?: Place): Value {
    if (areNumbers(src)) return { numbers: this.#numbers(node, src) };
    if (reduceRow(node.op) === undefined) return this.element(node.op, src, ending, into);
    const { begin: table, end: extra } = this.#pack.table;
    const a = this.#operand(src[0], "number");
    return { place: this.#push(node.op, [a], ending, into, { table, extra }) };
  }

  /** What is one number for all: in float64, as the language has it. */
  #numbers(
    { op }: Node,
    src: readonly { readonly numbers: ArrayLike<number> }[],
  ): ArrayLike<number> {
    const { row } = namesOf(op);
    const { numbers: a } = src[0];
    const { numbers: b } = src[src.length === 1 ? 0 : 1];
    const { numbers: c } = src[src.length === 3 ? 2 : 0];
    const length = Math.max(a.length, b.length, c.length);
    if (length === 1) return [row.eval(a[0], b[0], c[0])];
    const result = new Float64Array(length);
    // Where an operand is one number for all steps, its place stays 0.
    const [x, y, z] = [
      Math.min(1, a.length - 1),
      Math.min(1, b.length - 1),
      Math.min(1, c.length - 1),
    ];
    for (let i = 0; i < length; i++) result[i] = row.eval(a[x * i], b[y * i], c[z * i]);
    return result;
  }

  /**
   * An operation on elements, into the place given or a register. What is `ending` is read for the last
   * time; if it is what the instruction before gave, the two become one.
   */
  element(
    op: Node["op"],
    src: readonly Value[],
    ending: readonly Value[] = NOTHING,
    into?: Place,
  ): { readonly place: Place } {
    const names = namesOf(op);
    const { takes } = names.row;
    const isBinary = src.length === 2;
    const places: Place[] = [];
    for (let i = 0; i < src.length; i++) {
      const value = src[i];
      const isPlace = isBinary || "place" in value;
      places.push(isPlace ? this.#operand(value, takes[i]) : this.copied(value).place);
    }
    const fusion = ending.length === 0 ? undefined : this.#fuse(op, src, places, ending);
    if (fusion !== undefined) {
      return { place: this.#push(fusion.name, fusion.operands, ending, into) };
    }
    const name = !isBinary
      ? op
      : "numbers" in src[0]
      ? names.sv
      : "numbers" in src[1]
      ? names.vs
      : names.vv;
    return { place: this.#push(name, places, ending, into) };
  }

  /** An operation as one with those before it that gave its operands; takes these away. */
  #fuse(
    op: Node["op"],
    src: readonly Value[],
    places: readonly Place[],
    ending: readonly Value[],
  ): { readonly name: string; readonly operands: readonly Place[] } | undefined {
    const count = this.instructions.length;
    const [earlier, before] = [this.instructions[count - 2], this.instructions[count - 1]];
    const made = src.findIndex((value) => ending.includes(value) && this.#isResult(value, before));
    if (made < 0 || places.lastIndexOf(places[made]) !== made) return undefined;
    const isOfBoth = made === 1 && ending.includes(src[0]) && this.#isResult(src[0], earlier) &&
      before.a !== earlier.dst && before.b !== earlier.dst;
    for (const { name, operations } of endings.get(before.name) ?? []) {
      const last = operations[operations.length - 1];
      if (last.op !== op || last.form[made] !== "r") continue;
      const others: Place[] = [];
      if (operations.length === 3) {
        if (!isOfBoth || operations[0].name !== earlier.name) continue;
        others.push(...operandsOf(earlier, operations[0].form.length));
      } else if (src.length === 2 && (last.form[1 - made] === "v") !== ("place" in src[1 - made])) {
        continue;
      }
      others.push(...operandsOf(before, operations[operations.length - 2].form.length));
      if (operations.length === 2 && src.length === 2) others.push(places[1 - made]);
      this.instructions.length -= operations.length - 1;
      return { name, operands: others };
    }
    return undefined;
  }

  /** Whether a value is in a register that an instruction writes. */
  #isResult(value: Value, instruction: Instruction | undefined): boolean {
    if (!("place" in value)) return false;
    const { address } = value.place;
    return address === instruction?.dst && this.#registers.has(address);
  }

  /** Adds an instruction; registers of what is `ending` are given back first, and so may be written. */
  #push(
    name: string,
    [a, b = NOWHERE, c = NOWHERE, d = NOWHERE]: readonly Place[],
    ending: readonly Value[],
    into?: Place,
    { table, extra }: Pick<Instruction, "table" | "extra"> = {},
  ): Place {
    for (const value of ending) this.release(value);
    const place = into ?? this.#register();
    const { bytes } = this.#pack;
    const { address: dst, step: dstStep } = place;
    const { address, step } = a;
    this.instructions.push({
      ...{ name, bytes, dst, dstStep, a: address, aStep: step, table, extra },
      ...{ b: b.address, bStep: b.step, c: c.address, cStep: c.step, d: d.address, dStep: d.step },
    });
    return place;
  }

  /** A register that holds a value. */
  copied(value: Value): { readonly place: Place } {
    const place = this.#register();
    this.copy(value, place);
    return { place };
  }

  /** Copies a value to a place. */
  copy(value: Value, dst: Place): void {
    this.#push("place" in value ? "copy" : "fill", [this.#operand(value, "number")], [], dst);
  }

  /** Where an operand is; a number is rounded to float32 and fills the four lanes of a vector. */
  #operand(value: Value, type: "number" | "truth"): Place {
    if ("place" in value) return value.place;
    const { numbers } = value;
    const { machine } = this.#pack;
    const isConstant = numbers.length === 1;
    // A map does not tell 0 from -0.
    const isShared = isConstant && type === "number" && numbers[0] !== 0;
    const known = isShared ? this.#constants.get(numbers[0]) : undefined;
    if (known !== undefined) return { address: known, step: 0 };
    const address = machine.take(16 * numbers.length);
    const at = address / 4;
    if (type === "truth") {
      for (let i = 0; i < numbers.length; i++) {
        machine.words.fill(-numbers[i], at + 4 * i, at + 4 * i + 4);
      }
    } else {
      const { floats } = machine;
      for (let i = 0; i < numbers.length; i++) {
        const number = numbers[i];
        const k = at + 4 * i;
        floats[k] =
          floats[k + 1] =
          floats[k + 2] =
          floats[k + 3] =
            number;
      }
    }
    if (isShared) this.#constants.set(numbers[0], address);
    return { address, step: isConstant ? 0 : 16 };
  }

  #register(): Place {
    const address = this.#free.pop() ?? this.#pack.machine.take(this.#pack.bytes);
    this.#registers.add(address);
    return { address, step: 0 };
  }

  /** Gives a register back, unless it is given back already, or is an input or a state. */
  release(value: Value): void {
    if ("place" in value && this.#registers.delete(value.place.address)) {
      this.#free.push(value.place.address);
    }
  }
}

function areNumbers(
  src: readonly Value[],
): src is readonly { readonly numbers: ArrayLike<number> }[] {
  return src.every((value) => "numbers" in value);
}

/** The first operands of an instruction, one or two. */
function operandsOf({ a = 0, aStep = 0, b = 0, bStep = 0 }: Instruction, count: number): Place[] {
  const first = { address: a, step: aStep };
  return count === 1 ? [first] : [first, { address: b, step: bStep }];
}
