import { generator } from "../digits.ts";

/** Points of the plane, each of one of two kinds. */
export type Points = {
  /** Two coordinates for every point. */
  at: Float32Array;
  /** 0 or 1 for every point. */
  kind: Uint8Array;
};

/** Two half-moons that reach into each other, with noise: no straight line parts them. */
export function moons(count: number, seed: number): Points {
  const random = generator(seed);
  // The sum of some uniform numbers is as good as normal here.
  const noise = () => 0.4 * (random() + random() + random() - 1.5);
  const at = new Float32Array(2 * count);
  const kind = Uint8Array.from({ length: count }, (_, i) => i % 2);
  kind.forEach((which, i) => {
    const angle = Math.PI * random();
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    at.set(
      which === 0
        ? [x - 0.5 + noise(), y - 0.25 + noise()]
        : [0.5 - x + noise(), 0.25 - y + noise()],
      2 * i,
    );
  });
  return { at, kind };
}
