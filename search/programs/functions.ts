/** The functions that programs of a search are made of, each an expression of the language. */
import { GradusError } from "../../dsl/errors.ts";
import { type Node, postorder } from "../../dsl/node.ts";
import { reduceRow } from "../../dsl/ops.ts";
import { type Kinds, needed, requireOptions, TEXT, TRUTH } from "../../dsl/options.ts";
import { parseExpression } from "../../dsl/parse.ts";

/** What a variable holds: one number for all elements, or one an element. */
export type Kind = "scalar" | "tensor";

/** A function as it is declared. */
export interface FunctionDocument {
  /** Its parameters, in order; `a:scalar` and `x:tensor` admit one kind only. */
  readonly takes: readonly string[];
  /** What it gives, in the language, of those parameters. */
  readonly gives: string;
  /** Whether its first two arguments may be exchanged without a change to a single bit. */
  readonly commutes?: boolean;
}

const DOCUMENT: Kinds<FunctionDocument> = {
  takes: needed({
    is: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
    must: "a list of its parameters",
  }),
  gives: needed(TEXT),
  commutes: TRUTH,
};

/** A function of a space. */
export interface SearchFunction {
  /** Its name in genomes. */
  readonly name: string;
  /** Its parameters, in order. */
  readonly parameters: readonly { readonly name: string; readonly kind: Kind | "any" }[];
  /** What it gives, on symbols named as its parameters. */
  readonly expression: Node;
  /** Whether its first two arguments may be exchanged. */
  readonly commutes: boolean;
  /** What it gives for scalar and tensor arguments, the `i`th bit set where the `i`th is a tensor. */
  readonly results: readonly (Kind | undefined)[];
}

/** Arguments that a function takes at most. */
export const WIDTH = 3;

const unary = (gives: string): FunctionDocument => ({ takes: ["x"], gives });
const binary = (gives: string, commutes: boolean = false): FunctionDocument => ({
  takes: ["x", "y"],
  gives,
  commutes,
});

/**
 * The functions of Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, in their protected forms,
 * so that whatever is found prints, runs and exports like any other program. Of its 45 three are left out:
 * `cbrt` and `invert`, which do not work in the released code, and `global_norm`, which is `norm` here. What
 * the paper forms over the whole tree, `dot`, `cosine_sim` and `clip`, is formed over one tensor at a time.
 *
 * @example
 * ```ts
 * import { paperFunctions } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Object.keys(paperFunctions).length, 42);
 * assertEquals(paperFunctions.div.gives, "x/(y + 1e-8)");
 * ```
 */
export const paperFunctions: Readonly<Record<string, FunctionDocument>> = {
  get_pi: { takes: [], gives: "pi" },
  get_e: { takes: [], gives: "2.718281828459045" },
  get_eps: { takes: [], gives: "1e-8" },
  abs: unary("abs(x)"),
  cos: unary("cos(x)"),
  sin: unary("sin(x)"),
  tan: unary("tan(x)"),
  arcsin: unary("asin(x)"),
  arccos: unary("acos(x)"),
  arctan: unary("atan(x)"),
  sinh: unary("sinh(x)"),
  cosh: unary("cosh(x)"),
  tanh: unary("tanh(x)"),
  arcsinh: unary("sign(x)*log(abs(x) + sqrt(x*x + 1))"),
  arccosh: unary("log(x + sqrt(x*x - 1))"),
  arctanh: unary("0.5*log((1 + x)/(1 - x))"),
  exp: unary("exp(x)"),
  exp2: unary("exp(x*0.6931471805599453)"),
  exp10: unary("exp(x*2.302585092994046)"),
  expm1: unary("exp(x) - 1"),
  log: unary("log(abs(x))"),
  log10: unary("log(abs(x))*0.4342944819032518"),
  log2: unary("log(abs(x))*1.4426950408889634"),
  log1p: unary("log(abs(1 + x))"),
  square: unary("x*x"),
  sqrt: unary("sqrt(abs(x))"),
  cube: unary("x*x*x"),
  sign: unary("sign(x)"),
  reciprocal: unary("1/x"),
  negative: unary("-x"),
  norm: { takes: ["x:tensor"], gives: "norm(x)" },
  dot: { takes: ["x:tensor", "y:tensor"], gives: "sum(x*y)", commutes: true },
  cosine_sim: {
    takes: ["x:tensor", "y:tensor"],
    gives: "sum(x*y)/(norm(x)*norm(y) + 1e-8)",
    commutes: true,
  },
  clip: { takes: ["x:tensor", "a:scalar"], gives: "x*min(1, a/(norm(x) + 1e-8))" },
  interp: { takes: ["x", "y", "a:scalar"], gives: "(1 - a)*x + a*y" },
  power: binary("x^y"),
  add: binary("x + y", true),
  sub: binary("x - y"),
  mul: binary("x*y", true),
  div: binary("x/(y + 1e-8)"),
  max: binary("max(x, y)", true),
  min: binary("min(x, y)", true),
};

/** Checks the declaration of a function. */
export function readFunction(name: string, document: FunctionDocument): SearchFunction {
  const what = `function \`${name}\` of a search`;
  if (!/^[A-Za-z][A-Za-z0-9_]{0,31}$/.test(name)) {
    throw new GradusError(`Cannot read ${what}: its name must be an identifier`);
  }
  requireOptions(`Cannot read ${what}`, document, DOCUMENT);
  const parameters = document.takes.map((text) => {
    const [, parameter, kind = "any"] = /^([a-z]\w*)(?::(scalar|tensor))?$/.exec(text) ?? [];
    if (parameter === undefined) {
      throw new GradusError(
        `Cannot read ${what}: a parameter must be a name, perhaps with \`:scalar\` or \`:tensor\`: ` +
          `given \`${text}\``,
      );
    }
    return { name: parameter, kind: kind as Kind | "any" };
  });
  if (parameters.length > WIDTH) {
    throw new GradusError(
      `Cannot read ${what}: it must take at most ${WIDTH} arguments: given ${parameters.length}`,
    );
  }
  const names = parameters.map((parameter) => parameter.name);
  const expression = parseExpression(document.gives, {
    read: (symbol, fail) =>
      names.includes(symbol) ? "number" : fail(`\`${symbol}\` is no parameter`),
    assign: (_name, _type, fail) => fail("an expression assigns nothing"),
  }, what);
  const results = Array.from({ length: 1 << names.length }, (_, bits) => {
    const isAdmitted = parameters.every(({ kind }, i) =>
      kind === "any" || (kind === "tensor") === (bits >> i & 1) > 0
    );
    return isAdmitted ? resultKind(expression, names, bits) : undefined;
  });
  if (results.every((kind) => kind === undefined)) {
    throw new GradusError(`Cannot read ${what}: it gives nothing for any kind of argument`);
  }
  return { name, parameters, expression, commutes: document.commutes ?? false, results };
}

/** A reduction needs something to reduce; of a tensor it is one number. */
function resultKind(
  expression: Node,
  names: readonly string[],
  bits: number,
): Kind | undefined {
  const kinds = new Map<Node, Kind>();
  for (const node of postorder([expression])) {
    const isReduction = reduceRow(node.op) !== undefined;
    const hasTensor = node.op === "Symbol"
      ? (bits >> names.indexOf(node.arg as string) & 1) > 0
      : node.src.some((operand) => kinds.get(operand) === "tensor");
    if (isReduction && (!hasTensor || node.arg !== "tensor")) return undefined;
    kinds.set(node, hasTensor && !isReduction ? "tensor" : "scalar");
  }
  return kinds.get(expression);
}
