/** The structure of a genome, without running it: which statements matter, and a hash of what they do. */
import { WIDTH } from "../programs/functions.ts";
import type { Genome } from "../programs/genome.ts";
import { FIRST_STATE, type Space, UPDATE } from "../programs/space.ts";

/** A genome with every name resolved to what set it. */
export interface Analysis {
  /** What was analysed. */
  readonly genome: Genome;
  /**
   * What each statement's arguments are, three places a statement: a statement's number, or below 0
   * `-1 - i` for the `i`th input and, beyond those, for a constant.
   */
  readonly refs: readonly number[];
  /** Constants in the order in which statements have them. */
  readonly constants: readonly number[];
  /** The statement, or input, that the update is, and the next value of each input that is a state. */
  readonly update: number;
  /** For each input that is a state, the statement or input that is its next value. */
  readonly next: Int32Array;
  /** The statements that matter, in order. */
  readonly live: readonly number[];
  /** The states that matter, by their places among the inputs. */
  readonly states: readonly number[];
  /** The hash of each statement that matters: equal only for what always has equal values. */
  readonly hashes: readonly number[];
  /** The hash of the whole: 64 bits in hexadecimal. */
  readonly key: string;
}

const bitsOf = new Float64Array(1);
const words = new Int32Array(bitsOf.buffer);

// Two independent 32-bit hashes side by side; scratch space grows with the longest genome seen.
let high = new Int32Array(256);
let low = new Int32Array(256);
let h = 0;
let l = 0;

function start(tag: number): void {
  h = Math.imul(tag ^ 0x3c6ef372, 0x85ebca6b);
  l = Math.imul(tag ^ 0x1b873593, 0xc2b2ae35);
}

function mix(a: number, b: number): void {
  h = Math.imul(h ^ a, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ b, 0x85ebca77);
  h ^= h >>> 13;
  l = Math.imul(l ^ b, 0xc2b2ae3d);
  l = Math.imul(l ^ (l >>> 14) ^ a, 0x27d4eb2f);
  l ^= l >>> 16;
}

function hashText(text: string): void {
  start(text.length);
  for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i), i);
}

const nameHashes = new WeakMap<Space, Int32Array>();

/** Hashes of the functions by their names, so that a hash outlives the order of a space. */
function functionTags(space: Space): Int32Array {
  let tags = nameHashes.get(space);
  if (tags === undefined) {
    tags = Int32Array.from(space.functions, ({ name }) => {
      hashText(name);
      return h;
    });
    nameHashes.set(space, tags);
  }
  return tags;
}

/**
 * Resolves, prunes and hashes a valid genome.
 *
 * @example
 * ```ts
 * import { analyse, parseGenome, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const keyOf = (text: string) => analyse(space(), parseGenome(space(), text)).key;
 * assertEquals(keyOf("x = add(g, w)\nupdate = mul(x, lr)"), keyOf("m = cos(g)\ny = add(w, g)\nupdate = mul(lr, y)"));
 * ```
 */
export function analyse(space: Space, genome: Genome): Analysis {
  const count = genome.length;
  const inputs = space.inputs.length;
  const refs: number[] = new Array(count * WIDTH).fill(0);
  const constants: number[] = [];
  const environment = new Map<string, number>();
  for (let i = 0; i < inputs; i++) environment.set(space.inputs[i], -1 - i);
  for (let i = 0; i < count; i++) {
    const { target, args } = genome[i];
    for (let k = 0; k < args.length; k++) {
      const arg = args[k];
      refs[i * WIDTH + k] = typeof arg === "string"
        ? environment.get(arg)!
        : -inputs - constants.push(arg);
    }
    environment.set(target, i);
  }
  const next = new Int32Array(inputs);
  for (let i = FIRST_STATE; i < inputs; i++) next[i] = environment.get(space.inputs[i])!;
  const update = environment.get(UPDATE)!;

  // What reaches the update, and what reaches the states that do.
  const isLive: boolean[] = new Array(count).fill(false);
  const states: number[] = [];
  const stack = [update];
  while (stack.length > 0) {
    const ref = stack.pop()!;
    if (ref >= 0) {
      if (isLive[ref]) continue;
      isLive[ref] = true;
      for (let k = 0; k < genome[ref].args.length; k++) stack.push(refs[ref * WIDTH + k]);
    } else {
      const input = -1 - ref;
      if (input < FIRST_STATE || input >= inputs || states.includes(input)) continue;
      states.push(input);
      stack.push(next[input]);
    }
  }
  states.sort((a, b) => a - b);
  const live: number[] = [];
  for (let i = 0; i < count; i++) if (isLive[i]) live.push(i);

  const tags = functionTags(space);
  const offset = inputs + constants.length;
  const total = offset + count;
  if (high.length < total) [high, low] = [new Int32Array(2 * total), new Int32Array(2 * total)];
  const place = (ref: number) => ref >= 0 ? offset + ref : -1 - ref;
  for (let i = 0; i < offset; i++) {
    if (i < inputs) start(i < FIRST_STATE ? i + 1 : 9);
    else {
      start(17);
      bitsOf[0] = constants[i - inputs];
      mix(words[0], words[1]);
    }
    high[i] = h;
    low[i] = l;
  }
  const hashStatements = () => {
    for (const i of live) {
      const { call, args } = genome[i];
      const { commutes } = space.functions[call];
      start(tags[call]);
      let first = place(refs[i * WIDTH]);
      let second = args.length > 1 ? place(refs[i * WIDTH + 1]) : 0;
      if (commutes) {
        const isBehind = high[first] > high[second] ||
          (high[first] === high[second] && low[first] > low[second]);
        if (isBehind) [first, second] = [second, first];
      }
      if (args.length > 0) mix(high[first], low[first]);
      if (args.length > 1) mix(high[second], low[second]);
      if (args.length > 2) {
        const third = place(refs[i * WIDTH + 2]);
        mix(high[third], low[third]);
      }
      high[offset + i] = h;
      low[offset + i] = l;
    }
  };
  hashStatements();
  // A state's hash is what it will become, looked at ever farther: states that cannot be told apart
  // after twice as many rounds as a program may have states, be they of two programs, always agree.
  const labels: number[] = [];
  const rounds = states.length === 0 ? 0 : 2 * (inputs - FIRST_STATE);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < states.length; i++) {
      const at = place(next[states[i]]);
      start(33);
      mix(high[at], low[at]);
      labels[2 * i] = h;
      labels[2 * i + 1] = l;
    }
    for (let i = 0; i < states.length; i++) {
      high[states[i]] = labels[2 * i];
      low[states[i]] = labels[2 * i + 1];
    }
    hashStatements();
  }
  const result = place(update);
  start(65);
  mix(high[result], low[result]);
  const hashes: number[] = new Array(count).fill(0);
  for (const i of live) {
    hashes[i] = (high[offset + i] >>> 0) * 2 ** 20 + (low[offset + i] & 0xfffff);
  }
  return {
    genome,
    refs,
    constants,
    update,
    next,
    live,
    states,
    hashes,
    key: hex(h, l),
  };
}

/** The same with nothing left out and nothing shared: what the genome says, statement by statement. */
export function unpruned(space: Space, analysis: Analysis): Analysis {
  const all = analysis.genome.map((_, i) => i);
  const states = space.inputs.map((_, i) => i).slice(FIRST_STATE);
  return { ...analysis, live: all, states, hashes: all };
}

/** The same for all programs that differ in constants only. */
export function shapeOf(space: Space, genome: Genome): string {
  const blank = genome.map((statement) => ({
    ...statement,
    args: statement.args.map((arg) => typeof arg === "number" ? 0.5 : arg),
  }));
  return analyse(space, blank).key;
}

/** 64 bits of a hash in hexadecimal. */
export function hex(high: number, low: number): string {
  const digits = (word: number) => (word >>> 0).toString(16).padStart(8, "0");
  return digits(high) + digits(low);
}
