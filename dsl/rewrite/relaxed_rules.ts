/** Rules that are true of real numbers, wherever their guard holds and their left side is defined. */
import type { RuleText } from "./rule.ts";

const relaxed = (name: string, from: string, to: string, when?: string): RuleText => ({
  name,
  from,
  to,
  ...(when === undefined ? {} : { when }),
  kind: "relaxed",
});

/** Odd functions that rise through 0. */
const RISING = ["asin", "atan", "cbrt", "sinh", "tanh"];
const ODD = [...RISING, "sin", "tan"];

/** Rules that are true of real numbers. */
export const RELAXED_RULES: readonly RuleText[] = [
  relaxed("sum with zero", "x + 0", "x"),
  relaxed("zero minus", "0 - x", "-x"),
  relaxed("product with zero", "0*x", "0"),
  relaxed("quotient of zero", "0/x", "0"),
  relaxed("power of zero", "x^0", "1"),
  relaxed("zero to a power", "0^x", "0", "x > 0"),
  relaxed("difference of the same", "x - x", "0"),
  relaxed("quotient of the same", "x/x", "1"),
  relaxed("sum with a difference", "x + (y - x)", "y"),
  relaxed("difference of a difference", "x - (x - y)", "y"),
  relaxed("negative of a difference", "-(x - y)", "y - x"),
  relaxed("root of a square", "sqrt(x^2)", "abs(x)"),
  relaxed("square of a root", "sqrt(x)^2", "x"),
  relaxed("magnitude of what is not negative", "abs(x)", "x", "x >= 0"),
  relaxed("magnitude of a multiple", "abs(y*x)", "y*abs(x)", "y > 0"),
  relaxed("a value by its magnitude", "x/abs(x)", "sign(x)"),
  relaxed("a magnitude by its value", "abs(x)/x", "sign(x)"),
  relaxed("a value by its sign", "x/sign(x)", "abs(x)"),
  relaxed("sign of what is positive", "sign(x)", "1", "x > 0"),
  relaxed("sign of what is negative", "sign(x)", "-1", "x < 0"),
  relaxed("sign of a positive multiple", "sign(y*x)", "sign(x)", "y > 0"),
  relaxed("sign of a negative multiple", "sign(y*x)", "-sign(x)", "y < 0"),
  relaxed("sign of a positive part", "sign(x/y)", "sign(x)", "y > 0"),
  ...RISING.map((f) => relaxed(`sign of ${f}`, `sign(${f}(x))`, "sign(x)")),
  ...ODD.map((f) => relaxed(`${f} is odd`, `${f}(-x)`, `-${f}(x)`)),
  relaxed("cos is even", "cos(-x)", "cos(x)"),
  relaxed("cosh is even", "cosh(-x)", "cosh(x)"),
  relaxed("logarithm of a power of e", "log(exp(x))", "x"),
  relaxed("a power of e of a logarithm", "exp(log(x))", "x"),
  relaxed("greatest of what is known", "max(x, y)", "x", "x >= y"),
  relaxed("least of what is known", "min(x, y)", "x", "x <= y"),
  relaxed("a choice that is known", "where(x < y, z, v)", "z", "x < y"),
  relaxed("a choice that is known", "where(x > y, z, v)", "z", "x > y"),
  // These are not exact: what is structurally absent has a least, which is the number 0, and not absent.
  relaxed("least of the same", "min(x, x)", "x"),
  relaxed("greatest of the same", "max(x, x)", "x"),
  relaxed("a choice within the same choice", "where(p, where(p, x, y), z)", "where(p, x, z)"),
  relaxed("a choice within the other choice", "where(p, x, where(p, y, z))", "where(p, x, z)"),
  relaxed("a common factor", "x*y + x*z", "x*(y + z)"),
  relaxed("a common factor", "x*y - x*z", "x*(y - z)"),
  relaxed("a common factor", "x + x*y", "(1 + y)*x"),
  relaxed("a common divisor", "x/z + y/z", "(x + y)/z"),
  relaxed("constant factors together", "c1*(c2*x)", "c1*c2*x"),
  relaxed(
    "an average with an average of the same",
    "(1 - k1)*x + k1*((1 - k2)*x + k2*y)",
    "k1*k2*y + (1 - k1*k2)*x",
  ),
  relaxed(
    "an average with an average of the same",
    "k1*y + (1 - k1)*(k2*y + (1 - k2)*x)",
    "(1 - (1 - k1)*(1 - k2))*y + (1 - k1)*(1 - k2)*x",
  ),
];

/**
 * Rules that change what a program does: functions that are the identity near 0, and guards that
 * seldom act. Each must be measured on the program it is applied to.
 */
export const APPROXIMATE_RULES: readonly RuleText[] = [
  ...["asin", "atan", "sin", "sinh", "tan", "tanh"].map((f): RuleText => ({
    name: `dropping ${f}`,
    from: `${f}(x)`,
    to: "x",
    kind: "approximate",
  })),
  { name: "dropping a clip", from: "clip(x, y, z)", to: "x", kind: "approximate" },
  {
    name: "dropping a clip by the global norm",
    from: "where(globalNorm(x) < k, 1, k/globalNorm(x))*x",
    to: "x",
    kind: "approximate",
  },
  {
    name: "dropping the guard of a division",
    from: "x/(y + c)",
    to: "x/y",
    when: "c > 0 & c < 0.001",
    kind: "approximate",
  },
];
