/** Tells whether values are new: by a rough hash first, and then number by number. */

/** Numbers that every expression is evaluated on. */
export const PROBES = 64;

/** How many of the probes are hashed, and to how many bits of their mantissas. */
const [HASHED, DROPPED] = [16, 13];
/** Values closer than this, in terms of themselves, count as the same. */
const SAME = 1e-5;

/** What is known of values: buckets by a rough hash, and in a bucket what is not the same. */
export class Known {
  readonly #last = new Map<number, number>();
  readonly #before: number[] = [];

  /** Whether values are new, and finite on half of the probes; then they are known as those of `number`. */
  add(
    floats: Float32Array,
    from: number,
    number: number,
    placeOf: (number: number) => number,
  ): boolean {
    let finite = 0;
    for (let i = 0; i < PROBES; i++) if (Number.isFinite(floats[from + i])) finite++;
    if (2 * finite < PROBES) return false;
    const key = roughHash(floats, from);
    for (let each = this.#last.get(key); each !== undefined && each >= 0;) {
      if (isSame(floats, from, placeOf(each))) return false;
      each = this.#before[each];
    }
    this.#before[number] = this.#last.get(key) ?? -1;
    this.#last.set(key, number);
    return true;
  }
}

const scratch = new Float32Array(1);
const bits = new Int32Array(scratch.buffer);

function roughHash(floats: Float32Array, from: number): number {
  let [a, b] = [0x243f6a88, 0x13198a2e];
  for (let i = 0; i < HASHED; i++) {
    // -0 is 0, and a NaN has many patterns.
    const value = floats[from + i] + 0;
    scratch[0] = value;
    const word = value === value ? (bits[0] + (1 << (DROPPED - 1))) >> DROPPED : 0x3ffff;
    a = Math.imul(a ^ word, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 2 ** 20 + (b & 0xfffff);
}

function isSame(floats: Float32Array, a: number, b: number): boolean {
  for (let i = 0; i < PROBES; i++) {
    const [x, y] = [floats[a + i], floats[b + i]];
    if (x === y || (x !== x && y !== y)) continue;
    if (!(Math.abs(x - y) <= SAME * Math.max(Math.abs(x), Math.abs(y)))) return false;
  }
  return true;
}
