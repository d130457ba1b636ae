/** Numbers for properties: round ones, edges, and any bits. */
import fc from "fast-check";
import { edges64 } from "./numbers.ts";

/** Any number but NaN: round ones, edges, and any bits. */
export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: -4, max: 4 }) },
  { weight: 2, arbitrary: fc.constantFrom(...edges64.filter((x) => !Number.isNaN(x))) },
  { weight: 2, arbitrary: fc.float({ noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ noNaN: true }) },
  { weight: 1, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
);
