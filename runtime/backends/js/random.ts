/**
 * Random numbers as generated JavaScript. The formulas are written out once for numbers alone, as
 * engines do badly with functions that were also called to write vectors.
 */
import { randomOps } from "../../../dsl/ops.ts";
import type { RandomOpName } from "../../../dsl/node.ts";
import { type Doubles, numbers } from "../../../dsl/random/doubles.ts";
import { streamBit } from "../../../dsl/random/draw.ts";
import { normalQuantile } from "../../../dsl/random/normal.ts";
import { threefry, type Words } from "../../../dsl/random/threefry.ts";
import { bitsWithin, roundingCounter } from "../../trees/rounding.ts";
import type { Plan } from "../../plan/plan.ts";
import type { LeafNumbers } from "../random.ts";
import type { GroupRun, LeafRun } from "../backend.ts";

type Operand = string | number;

/** Statements that each give a value a name. */
class Text {
  readonly #lines: string[] = [];
  #next = 0;

  name(value: string): string {
    const name = this.fresh();
    this.line(`const ${name} = ${value};`);
    return name;
  }

  fresh(): string {
    return `v${this.#next++}`;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  toString(): string {
    return this.#lines.join("\n");
  }
}

const wordsIn = (text: Text): Words<string> => ({
  add: (a, b) => text.name(`(${a} + ${b}) | 0`),
  xor: (a, b) => text.name(`${a} ^ ${b}`),
  rotate: (a, by) => text.name(`(${a} << ${by}) | (${a} >>> ${32 - by})`),
});

const doublesIn = (text: Text): Doubles<string, string> => {
  const infix = (sign: string) => (a: Operand, b: Operand) => text.name(`${a} ${sign} ${b}`);
  return {
    add: infix("+"),
    sub: infix("-"),
    mul: infix("*"),
    div: infix("/"),
    sqrt: (x) => text.name(`Math.sqrt(${x})`),
    abs: (x) => text.name(`Math.abs(${x})`),
    less: infix("<"),
    select: (condition, a, b) => text.name(`${condition} ? ${a} : ${b}`),
    choose(condition, rare, common) {
      const name = text.fresh();
      text.line(`let ${name};`);
      text.line(`if (${condition}) {`);
      text.line(`${name} = ${rare()};`);
      text.line(`} else {`);
      text.line(`${name} = ${common()};`);
      text.line(`}`);
      return name;
    },
    split(x) {
      const parts = text.name(`split(${x})`);
      return [text.name(`${parts}[0]`), text.name(`${parts}[1]`)];
    },
  };
};

type Formula = (text: Text, high: string, low: string) => string;

/** What is drawn: a distribution, or the bits that results are rounded by. */
type Drawn = RandomOpName | "Bits";

const formulas: Readonly<Record<Drawn, Readonly<Record<GroupRun["dtype"], Formula>>>> = {
  Bits: { float64: bothWords, float32: bothWords },
  Normal: { float64: normal, float32: (...bits) => `Math.fround(${normal(...bits)})` },
  Uniform: {
    float64: (_, high, low) => `((${high} >>> 0) * ${2 ** 21} + (${low} >>> 11)) * ${2 ** -53}`,
    float32: (_, high) => `(${high} >>> 8) * ${2 ** -24}`,
  },
};

function normal(text: Text, high: string, low: string): string {
  const middle = `(${high} >>> 0) * ${2 ** 20} + (${low} >>> 12) + 0.5`;
  return normalQuantile(doublesIn(text), text.name(`(${middle}) * ${2 ** -52} - 0.5`));
}

/** Of random bits the lower word is the result, and the upper one is put in its place. */
function bothWords(_: Text, high: string, low: string): string {
  return `(upper[0] = ${high}, ${low})`;
}

/** A function of seed, count, element and leaf. */
type Draw = (
  seed: number,
  count: number,
  element: number,
  leaf: number,
  upper?: Int32Array,
) => number;
const compiled = new Map<string, Draw>();

function drawOf(op: Drawn, dtype: GroupRun["dtype"]): Draw {
  const key = `${op} ${dtype}`;
  let draw = compiled.get(key);
  if (draw === undefined) {
    const text = new Text();
    const stream = op === "Bits" ? 0 : randomOps[op].stream;
    const leaf = text.name(`leaf ^ ${streamBit(stream)}`);
    const [high, low] = threefry(wordsIn(text), ["seed", "count"], ["element", leaf]);
    const result = formulas[op][dtype](text, high, low);
    const body = `${text}\nreturn ${result};`;
    draw = new Function(
      "split",
      `"use strict"; return function (seed, count, element, leaf, upper) {\n${body}\n}`,
    )(numbers.split) as Draw;
    compiled.set(key, draw);
  }
  return draw;
}

/** The random numbers of one leaf, by compiled functions. */
export function compiledNumbers(
  { random }: Plan,
  keys: Uint32Array,
  { number: leaf, group: { dtype } }: LeafRun,
): LeafNumbers {
  const draws = random.map(({ op }) => drawOf(op as RandomOpName, dtype));
  return (k, element) => draws[k](keys[2 * k], keys[2 * k + 1], element, leaf);
}

/** The bits that the results of one leaf are rounded by, of keys of two words each. */
export function compiledBits(
  keys: Uint32Array,
  { number: leaf, group: { dtype } }: LeafRun,
): LeafNumbers {
  if (keys.length === 0) return () => 0;
  const draw = drawOf("Bits", dtype);
  // The words that were drawn last, by key and lane: the elements of a vector later they serve again.
  const [highs, lows] = [new Int32Array(2 * keys.length), new Int32Array(2 * keys.length)];
  const counters = new Int32Array(2 * keys.length).fill(-1);
  const upper = new Int32Array(1);
  return (k, element) => {
    const counter = roundingCounter(element);
    const at = 4 * k + (element & 3);
    if (counters[at] !== counter) {
      counters[at] = counter;
      lows[at] = draw(keys[2 * k], keys[2 * k + 1], counter, leaf, upper);
      highs[at] = upper[0];
    }
    return bitsWithin(element, highs[at], lows[at]);
  };
}
