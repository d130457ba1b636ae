/** Brings a drawing to where digits stand in the images that a network has learned from. */

const SIDE = 28;
/** The longer side of a digit in its image. */
const DIGIT = 20;

/** The square that has ink, and the centre of its mass. */
interface Ink {
  readonly size: number;
  readonly x: number;
  readonly y: number;
}

/**
 * A drawing of `side` x `side` greys as an image of 28 x 28: its longer side becomes 20 pixels, and the centre of its mass
 * comes to the middle, as in MNIST. Undefined if nothing is drawn.
 */
export function centred(
  drawing: Float32Array,
  side: number,
): Float32Array<ArrayBuffer> | undefined {
  const ink = inkOf(drawing, side);
  if (ink === undefined) return undefined;
  const scale = ink.size / DIGIT;
  const image = new Float32Array(SIDE * SIDE);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const left = ink.x + (column - SIDE / 2) * scale;
      const top = ink.y + (row - SIDE / 2) * scale;
      image[row * SIDE + column] = mean(drawing, side, left, top, scale);
    }
  }
  return image;
}

function inkOf(drawing: Float32Array, side: number): Ink | undefined {
  let [left, right, top, bottom, mass, x, y] = [side, -1, side, -1, 0, 0, 0];
  drawing.forEach((grey, i) => {
    if (grey === 0) return;
    const [column, row] = [i % side, Math.floor(i / side)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [mass, x, y] = [mass + grey, x + grey * (column + 0.5), y + grey * (row + 0.5)];
  });
  if (mass === 0) return undefined;
  return { size: Math.max(right - left, bottom - top) + 1, x: x / mass, y: y / mass };
}

/** The mean of a square of a drawing; what is outside is empty. */
function mean(
  drawing: Float32Array,
  side: number,
  left: number,
  top: number,
  size: number,
): number {
  let [sum, count] = [0, 0];
  const [right, bottom] = [left + size, top + size];
  for (let row = Math.floor(top); row < Math.max(bottom, Math.floor(top) + 1); row++) {
    for (let column = Math.floor(left); column < Math.max(right, Math.floor(left) + 1); column++) {
      count++;
      const isInside = row >= 0 && row < side && column >= 0 && column < side;
      if (isInside) sum += drawing[row * side + column];
    }
  }
  return sum / count;
}
