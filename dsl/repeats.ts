/** Finds statements that are repeated but for their constants, so that they are written as a loop. */
import { type Node, symbol, symbolsIn, withSources } from "./node.ts";
import type { Statement } from "./program.ts";

/** A loop: its statements, in which `names` stand for what differs, and the numbers of each turn. */
export interface Repeat {
  readonly names: readonly string[];
  /** By turn, a number for each name. */
  readonly turns: readonly (readonly number[])[];
  readonly body: readonly Statement[];
}

/** Names for constants of loops: the letters that mean nothing else. */
const LETTERS = [..."abcdefhijklmnopqrsvxyz"];
const CONSTANT = symbol("0");
const skeletons = new WeakMap<Node, Node>();

/** The statements, those that are repeated as a loop. Short ones are left: a loop must be shorter. */
export function withRepeats(statements: readonly Statement[]): (Statement | Repeat)[] {
  const made: (Statement | Repeat)[] = [];
  const shapes = statements.map(({ target, value }) => ({ target, skeleton: skeletonOf(value) }));
  const isAlike = (i: number, j: number) =>
    shapes[i].target === shapes[j].target && shapes[i].skeleton === shapes[j].skeleton;
  for (let i = 0; i < statements.length;) {
    const repeat = bestAt(i);
    if (repeat === undefined) made.push(statements[i++]);
    else {
      made.push(repeat.repeat);
      i += repeat.length;
    }
  }
  return made;

  function bestAt(start: number): { readonly repeat: Repeat; readonly length: number } | undefined {
    let best = { lines: 0, turns: 0 };
    for (let lines = 1; start + 2 * lines <= statements.length; lines++) {
      let end = start + lines;
      while (end < statements.length && isAlike(end, end - lines)) end++;
      const turns = Math.floor((end - start) / lines);
      const isShorter = turns > 1 && turns * lines > 2;
      if (isShorter && lines * (turns - 1) > best.lines * (best.turns - 1)) best = { lines, turns };
    }
    if (best.turns === 0) return undefined;
    const length = best.lines * best.turns;
    const repeat = repeatOf(statements.slice(start, start + length), best.lines);
    return repeat && { repeat, length };
  }
}

/** The loop of statements of which `lines` are repeated; undefined if too much differs to be named. */
function repeatOf(statements: readonly Statement[], lines: number): Repeat | undefined {
  const turns = Array.from(
    { length: statements.length / lines },
    (_, turn) => statements.slice(turn * lines, (turn + 1) * lines),
  );
  const numbers = turns.map((body) => body.flatMap(({ value }) => constantsIn(value)));
  const used = new Set([...symbolsIn(turns[0].map(({ value }) => value))]);
  for (const { target } of turns[0]) used.add(target);
  const free = LETTERS.filter((letter) => !used.has(letter));
  const nameOf = new Map<string, string>();
  const named = numbers[0].map((_, place) => {
    const own = numbers.map((each) => each[place]);
    if (own.every((number) => Object.is(number, own[0]))) return undefined;
    const key = own.map((number) => Object.is(number, -0) ? "-0" : number).join();
    if (!nameOf.has(key)) nameOf.set(key, free[nameOf.size]);
    return nameOf.get(key);
  });
  if (nameOf.size > free.length) return undefined;
  const names = [...nameOf.values()];
  const places = names.map((name) => named.indexOf(name));
  let place = 0;
  const withNames = (node: Node): Node => {
    if (node.op !== "Const") return withSources(node, node.src.map(withNames));
    const name = named[place++];
    return name === undefined ? node : symbol(name);
  };
  return {
    names,
    turns: numbers.map((each) => places.map((place) => each[place])),
    body: turns[0].map(({ target, value }) => ({ target, value: withNames(value) })),
  };
}

/** An expression with one constant for all: equal for what differs in constants only. */
function skeletonOf(node: Node): Node {
  if (node.op === "Const") return CONSTANT;
  let skeleton = skeletons.get(node);
  if (skeleton === undefined) {
    skeletons.set(node, skeleton = withSources(node, node.src.map(skeletonOf)));
  }
  return skeleton;
}

/** The constants of an expression as it is written, from left to right. */
function constantsIn(node: Node): number[] {
  return node.op === "Const" ? [node.arg as number] : node.src.flatMap(constantsIn);
}
