/** The tables of the mathematical routines are what they are said to be. */
import { LOG2 } from "../../dsl/random/logarithm.ts";
import * as tables from "../../runtime/backends/wasm/math/coefficients.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  approximated,
  fixed,
  float64,
  largestError,
  over,
  PI,
  polynomial,
} from "./coefficients.ts";

/** How close each polynomial is said to come. */
const ERRORS: Readonly<Record<string, number>> = {
  EXP2: 6e-14,
  LOG2: 6e-16,
  SIN: 3e-14,
  COS: 4e-13,
  ASIN: 1e-12,
  ATAN: 7e-13,
  INVERSE_CBRT: 1.1e-7,
};

const { TURN: _turn, HALF_PI: _halfPi, ...others } = tables;
const polynomials = { ...others, LOG2 };

Deno.test("every polynomial goes through its series at the Chebyshev nodes", () => {
  assertEquals(Object.keys(polynomials).sort(), Object.keys(approximated).sort());
  for (const [name, coefficients] of Object.entries(polynomials)) {
    assertEquals(coefficients, polynomial(approximated[name], coefficients.length - 1), name);
  }
});

Deno.test("every polynomial comes as close to its series as is said", () => {
  for (const [name, coefficients] of Object.entries(polynomials)) {
    const error = largestError(approximated[name], coefficients);
    assert(error <= ERRORS[name] && error > ERRORS[name] / 2, `${name} is off by ${error}`);
  }
});

Deno.test("the pieces of 1/(2π) are its first 203 bits", () => {
  const first = over(fixed(1), 2n * PI) >> (320n - 203n);
  assertEquals(tables.TURN.reduce((total, piece) => (total << 29n) + BigInt(piece), 0n), first);
  assert(tables.TURN.every((piece) => piece < 2 ** 29));
});

Deno.test("the two parts of π/2 are its first 33 bits and the rest", () => {
  const [first, rest] = tables.HALF_PI;
  assertEquals(first, Math.floor(Math.PI / 2 * 2 ** 32) / 2 ** 32);
  assertEquals(rest, float64(PI / 2n - fixed(first)));
});
