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
  const same = new Int32Array(genome.length);
  for (const i of live) {
    same[i] = first.get(hashes[i]) ?? i;
    if (same[i] === i) first.set(hashes[i], i);
  }
  const lastUse = new Int32Array(genome.length).fill(-1);
  for (const i of live) {
    for (let k = 0; same[i] === i && k < genome[i].args.length; k++) {
      const ref = refs[i * WIDTH + k];
      if (ref >= 0) lastUse[same[ref]] = i;
    }
  }
  for (const ref of [update, ...states.map((state) => next[state])]) {
    if (ref >= 0) lastUse[same[ref]] = genome.length;
  }
  const values: Value[] = [];
  const valueOf = (ref: number): Value => {
    if (ref >= 0) return values[same[ref]];
    const input = -1 - ref;
    if (input >= inputs) return { numbers: Float64Array.of(constants[input - inputs]) };
    if (input >= FIRST_STATE) return { place: { address: stateAt.get(input)!, step: 0 } };
    return input === 0 ? { place: w } : input === 1 ? { place: g } : { numbers: lr };
  };
  for (const i of live) {
    if (same[i] !== i) continue;
    const { call, args } = genome[i];
    const read = args.map((_, k) => refs[i * WIDTH + k]);
    values[i] = emitter.call(space.functions[call], read.map(valueOf));
    if (keep !== undefined) emitter.copy(values[i], keep(i));
    for (const ref of read) {
      if (ref >= 0 && lastUse[same[ref]] === i) emitter.release(values[same[ref]]);
    }
  }
  // Old values that are needed once they are overwritten are kept aside.
  const nexts = states.map((state) => {
    const value = valueOf(next[state]);
    return next[state] < 0 && next[state] !== -1 - state ? emitter.copied(value) : value;
  });
  const result = valueOf(update);
  if (out !== undefined) emitter.copy(result, out);
  else emitter.element("Sub", [{ place: w }, result], w);
  states.forEach((state, k) => {
    if (next[state] !== -1 - state) {
      emitter.copy(nexts[k], { address: stateAt.get(state)!, step: 0 });
    }
  });
  return { instructions: emitter.instructions, states: [...stateAt.values()] };
}
