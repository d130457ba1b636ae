/** Transforms of units against rules worked out element by element. */
import { adaptiveGradClip, centralize, normalize } from "../../mod.ts";
import { norm, testRule } from "./rules.ts";

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The numbers of each unit: those whose places agree in all axes from `from` to before `to`. */
function units(shape: readonly number[], from: number, to: number): number[][] {
  const groups = new Map<number, number[]>();
  for (let k = 0; k < sizeOf(shape); k++) {
    const inner = Math.floor(k / sizeOf(shape.slice(to)));
    const place = inner % sizeOf(shape.slice(from, to));
    groups.set(place, [...groups.get(place) ?? [], k]);
  }
  return [...groups.values()];
}

testRule("updates of norm 1", normalize(), () => (_w, g) => {
  const length = norm(g.flat());
  return g.map((gl) => gl.map((x) => x / length));
});

// The units of each shape: a whole vector or row, what feeds one output, a kernel's filter.
const shapes: [shape: number[], from: number][] = [
  [[5], 1],
  [[1, 4], 2],
  [[4, 1], 1],
  [[3, 4], 1],
  [[3, 2, 2], 1],
  [[2, 3, 2, 4], 3],
  [[2, 1, 2, 2, 3], 4],
];
for (const [shape, from] of shapes) {
  testRule(
    `adaptive clipping of gradients of shape ${shape}`,
    adaptiveGradClip({ clipping: 0.7, eps: 0.4 }),
    () => ([w], [g]) => {
      const clipped = [...g];
      for (const unit of units(shape, from, shape.length)) {
        const most = 0.7 * Math.max(norm(unit.map((k) => w[k])), 0.4);
        const length = norm(unit.map((k) => g[k]));
        if (length >= most) { for (const k of unit) clipped[k] = g[k] * most / length; }
      }
      return [clipped];
    },
    { shapes: [shape] },
  );
  testRule(`centralization of gradients of shape ${shape}`, centralize(), () => (_w, [g]) => {
    const centred = [...g];
    if (shape.length > 1) {
      for (const row of units(shape, 0, 1)) {
        const mean = row.reduce((sum, k) => sum + g[k], 0) / row.length;
        for (const k of row) centred[k] -= mean;
      }
    }
    return [centred];
  }, { shapes: [shape] });
}
