/**
 * A plain loop of multiply-adds in SIMD128 of float64, as often as a line asks: `loop.ts`. Two numbers come from
 * the innermost cache and four stay in registers, and so do the eight sums, so that none waits for itself.
 */
import wabt from "wabt";
import { serve } from "../peers/lines.ts";

/** Multiply-adds of a step. */
export const MULTIPLY_ADDS = 2 ** 30;

const [KEPT, READ, BYTES] = [[0, 1, 2, 3], [0, 1], 4096];
const pairs = KEPT.flatMap((i) => READ.map((j) => `${i}${j}`));
const TEXT = `(module (memory 1) (func (export "run") (param $rounds i32) (result f64)
  (local $at i32)
  ${
  [...KEPT.map((i) => `a${i}`), ...READ.map((j) => `b${j}`), ...pairs.map((ij) => `s${ij}`)]
    .map((name) => `(local $${name} v128)`).join(" ")
}
  ${KEPT.map((i) => `(local.set $a${i} (f64x2.splat (f64.const 1.${i})))`).join("\n  ")}
  (loop $next
    ${
  READ.map((j) => `(local.set $b${j} (v128.load offset=${16 * j} (local.get $at)))`).join("\n    ")
}
    ${
  pairs.map((ij) =>
    `(local.set $s${ij} (f64x2.add (local.get $s${ij}) ` +
    `(f64x2.mul (local.get $a${ij[0]}) (local.get $b${ij[1]}))))`
  ).join("\n    ")
}
    (local.set $at
      (i32.and (i32.add (local.get $at) (i32.const 32)) (i32.const ${BYTES - 1})))
    (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
  ${pairs.map((ij) => `(local.get $s${ij})`).reduce((sum, each) => `(f64x2.add ${sum} ${each})`)}
  f64x2.extract_lane 0))`;

if (import.meta.main) {
  const { buffer } = (await wabt()).parseWat("loop.wat", TEXT, { simd: true }).toBinary({});
  const module = await WebAssembly.compile(buffer as Uint8Array<ArrayBuffer>);
  const { run } = (await WebAssembly.instantiate(module)).exports as {
    run: (rounds: number) => number;
  };
  let kept = 0;
  await serve("a loop of f64x2.mul and f64x2.add", () => ({
    check: () => new Float32Array(),
    time(steps) {
      const start = performance.now();
      for (let k = 0; k < steps; k++) kept += run(MULTIPLY_ADDS / (2 * pairs.length));
      return performance.now() - start;
    },
    close() {},
  }));
}
