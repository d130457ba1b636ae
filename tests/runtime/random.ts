/** Numbers for tests of running optimizers: always the same ones. */

/** A source of float32 numbers of both signs and all sizes that a gradient may have. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  const word = () => {
    // The generator of Marsaglia's xorshift paper, seeded away from 0.
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
  if (state === 0) state = 1;
  for (let i = 0; i < 8; i++) word();
  return () => Math.fround((word() - 0.5) * 2 ** Math.floor(word() * 12 - 8));
}

/** An array of `size` such numbers. */
export function randomArray(size: number, seed: number): Float32Array<ArrayBuffer> {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: size }, next);
}
