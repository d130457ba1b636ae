/** Translates what matters of a genome to instructions of the machine. */
import type { Analysis } from "../analysis/structure.ts";
import { WIDTH } from "../programs/functions.ts";
import { FIRST_STATE, type Space } from "../programs/space.ts";
import { Emitter, type Value } from "./emit.ts";
import type { Compiled, Pack, Place } from "./pack.ts";

/**
 * Translates an analysed genome; registers are taken from the machine's memory. What statements give is also
 * kept where `keep` says.
 */
export function compile(
  space: Space,
  { genome, refs, constants, live, hashes, update, next, states }: Analysis,
  pack: Pack,
  keep?: (statement: number) => Place,
): Compiled {
  const { w, g, lr, machine, bytes, out } = pack;
  const emitter = new Emitter(pack);
  const inputs = space.inputs.length;
  const stateAt = new Map(states.map((state) => [state, machine.take(bytes)]));
  // What has the same hash has the same value: it is computed once.
  const first = new Map<number, number>();
  const same: number[] = [];
  for (const i of live) {
    same[i] = first.get(hashes[i]) ?? i;
    if (same[i] === i) first.set(hashes[i], i);
  }
  // The last statement that reads each statement and each input.
  const lastUse: number[] = [];
  const lastRead: number[] = space.inputs.map(() => -1);
  const use = (ref: number, i: number) => {
    if (ref >= 0) lastUse[same[ref]] = i;
    else if (-1 - ref < inputs) lastRead[-1 - ref] = i;
  };
  for (const i of live) {
    for (let k = 0; same[i] === i && k < genome[i].args.length; k++) use(refs[i * WIDTH + k], i);
  }
  for (const state of states) if (next[state] !== -1 - state) use(next[state], genome.length);
  const isKept = update >= 0 && lastUse[same[update]] === genome.length;
  use(update, genome.length);
  // The update, and what a state becomes once nothing reads it any more, are written where they belong.
  const into: Place[] = [];
  if (out !== undefined && update >= 0) into[same[update]] = out;
  for (const state of states) {
    const ref = next[state];
    if (ref >= 0 && lastRead[state] <= same[ref]) into[same[ref]] ??= placeOf(stateAt, state);
  }
  const values: Value[] = [];
  const valueOf = (ref: number): Value => {
    if (ref >= 0) return values[same[ref]];
    const input = -1 - ref;
    if (input >= inputs) return { numbers: [constants[input - inputs]] };
    if (input >= FIRST_STATE) return { place: placeOf(stateAt, input) };
    return input === 0 ? { place: w } : input === 1 ? { place: g } : { numbers: lr };
  };
  for (const i of live) {
    if (same[i] !== i) continue;
    const { call, args } = genome[i];
    const [read, ending]: [Value[], Value[]] = [[], []];
    for (let k = 0; k < args.length; k++) {
      const ref = refs[i * WIDTH + k];
      read.push(valueOf(ref));
      if (ref >= 0 && lastUse[same[ref]] === i) ending.push(read[k]);
    }
    values[i] = emitter.call(space.functions[call], read, into[i], ending);
    if (keep !== undefined) emitter.copy(values[i], keep(i));
  }
  // Old values that are needed once they are overwritten are kept aside.
  const nexts = states.map((state) => {
    const value = valueOf(next[state]);
    return next[state] < 0 && next[state] !== -1 - state ? emitter.copied(value) : value;
  });
  const result = valueOf(update);
  if (out === undefined) emitter.element("Sub", [{ place: w }, result], isKept ? [] : [result], w);
  else if (!isAt(result, out)) emitter.copy(result, out);
  states.forEach((state, k) => {
    const place = placeOf(stateAt, state);
    if (next[state] !== -1 - state && !isAt(nexts[k], place)) emitter.copy(nexts[k], place);
  });
  return { instructions: emitter.instructions, states: [...stateAt.values()] };
}

function placeOf(stateAt: ReadonlyMap<number, number>, state: number): Place {
  return { address: stateAt.get(state)!, step: 0 };
}

function isAt(value: Value, { address }: Place): boolean {
  return "place" in value && value.place.address === address;
}
