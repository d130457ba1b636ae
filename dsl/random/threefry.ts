/**
 * Counter-based random bits: Threefry-2x32 with 20 rounds, of Salmon et al. 2011, Parallel Random
 * Numbers: As Easy as 1, 2, 3. Additions, rotations and exclusive ors of a key and a counter, so that
 * any number of a sequence is made without those before it, and nothing is stored.
 */

/** Arithmetic on 32-bit words, which may come several to a vector. */
export interface Words<W> {
  /** Modulo 2^32. */
  add(a: W, b: W | number): W;
  xor(a: W, b: W | number): W;
  /** To the left. */
  rotate(a: W, by: number): W;
}

/** By how many bits words are turned, round after round. */
export const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** How many rounds there are. */
export const ROUNDS = 20;
/** Joins the parity of the key, so that no key is all zeros. */
export const PARITY = 0x1bd11bda;

/** Two random words for a key and a counter of two words each. */
export function threefry<W>(
  words: Words<W>,
  [key0, key1]: readonly [W, W],
  [counter0, counter1]: readonly [W, W],
): [W, W] {
  const key = [key0, key1, words.xor(words.xor(key0, key1), PARITY)] as const;
  let [a, b] = [words.add(counter0, key[0]), words.add(counter1, key[1])];
  for (let round = 0; round < ROUNDS; round++) {
    a = words.add(a, b);
    b = words.xor(words.rotate(b, ROTATIONS[round % 8]), a);
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    a = words.add(a, key[injection % 3]);
    b = words.add(words.add(b, key[(injection + 1) % 3]), injection);
  }
  return [a, b];
}

/** Words as numbers from -2^31 up to 2^31, which engines keep in a register. */
export const integers: Words<number> = {
  add: (a, b) => (a + b) | 0,
  xor: (a, b) => a ^ b,
  rotate: (a, by) => (a << by) | (a >>> (32 - by)),
};
