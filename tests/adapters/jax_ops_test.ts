/** Each operation as jax-js spells it, on numbers at the edges of float32. */
import { numpy as np } from "@jax-js/jax";
import { spellings } from "../../adapters/jax/spellings.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { elementOps } from "../../dsl/ops.ts";
import { assertEquals } from "../assert.ts";
import { DEVICES, onDevice } from "./jax.ts";
import { type Departure, faultsOf } from "./laws.ts";

const isSubnormal = (x: number) => x !== 0 && Math.abs(x) < 2 ** -126;
const isExtreme = (x: number) => isSubnormal(x) || Math.abs(x) > 2 ** 126;

const SUBNORMAL = "jax-js's logarithm of a subnormal number is -∞ in WebAssembly";
const ANGLES = "jax-js's sine and cosine of large angles are of others in WebAssembly";
const ROUTINES = "jax-js's routines in WebAssembly have fewer digits";

/** Where jax-js departs from the op table. */
const DEPARTS: Readonly<Partial<Record<ElementOpName, Departure>>> = {
  Div: {
    why: "jax-js divides by multiplying by a reciprocal",
    ulp: 2,
    open: ([, divisor]) => isExtreme(divisor),
  },
  Pow: {
    why: `powers are exponentials of a rounded product; ${SUBNORMAL}`,
    ulp: 64,
    open: (operands, value) => operands.some(isSubnormal) || isExtreme(value),
  },
  Cbrt: { why: SUBNORMAL, open: (operands) => operands.some(isSubnormal) },
  Log: { why: SUBNORMAL, open: (operands) => operands.some(isExtreme) },
  Exp: { why: ROUTINES, ulp: 16, open: (_, value) => isExtreme(value) },
  Sinh: { why: ROUTINES, ulp: 16 },
  Cosh: { why: ROUTINES, ulp: 16 },
  Asin: { why: ROUTINES, ulp: 32 },
  Acos: { why: ROUTINES, ulp: 32 },
  Atan: { why: ROUTINES, ulp: 32 },
  Sin: { why: ANGLES, ofOne: 1e-6, open: ([x]) => Math.abs(x) > 16 || x === 0 },
  Cos: { why: ANGLES, ofOne: 1e-6, open: ([x]) => Math.abs(x) > 16 },
  Tan: { why: ANGLES, ofOne: 1e-5, open: ([x]) => Math.abs(x) > 16 || x === 0 },
};

for (const device of DEVICES) {
  for (const name of Object.keys(elementOps) as ElementOpName[]) {
    const { why } = DEPARTS[name] ?? {};
    const title = why === undefined ? "is what the op table says" : `is near it: ${why}`;
    Deno.test(`${name} of jax-js on ${device} ${title}`, () =>
      onDevice(device, () => {
        const array = (values: Float32Array, isTruth: boolean) => {
          const made = np.array(values as Float32Array<ArrayBuffer>);
          return isTruth ? np.greater(made, 0) : made;
        };
        const numbers = (made: np.Array, isTruth: boolean) =>
          (isTruth ? made.astype(np.float32) : made).dataSync();
        assertEquals(faultsOf(name, spellings<np.Array>(np), array, numbers, DEPARTS[name]), []);
      }));
  }
}
