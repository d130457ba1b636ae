/** What is written here for what other notations write: each row is a hint of a message. */
import { byName } from "./errors.ts";
import { LETTER_NAMES } from "./greek.ts";
import { matchAt } from "./names.ts";

/** Where the whole language is described, in the package and its repository. */
export const LANGUAGE_PAGE = "docs/language.md";

type Hint = string | ((...found: string[]) => string);

const greek: ReadonlyMap<string, string> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ [...LETTER_NAMES].map(([letter, name]) => [name, letter]),
);

/** What stands at a place where it is not understood, and what to write instead. */
const NOTATIONS: readonly (readonly [RegExp, Hint])[] = [
  [/\.T\b|'|[ᵀ⊤]/uy, "the transpose of `G` is `transpose(G)`"],
  [/\.([A-Za-z_]\w{0,30})/y, (_, name) => `functions stand alone: \`${name}(…)\``],
  [/_[tk]\b/y, "an index stands before a power: `g_t^2`"],
  [/\?|(?:if|else)\b/y, "a choice is `where(condition, a, b)`"],
  [/(?:and|or|not)\b/y, "conditions are joined by `&` and `|`, and negated by `!`"],
  [/\|\||‖|∥/y, "a norm is `norm(x)`, and one or the other of two conditions `a | b`"],
  [/\|/y, "an absolute value is `abs(x)`"],
  [/!=|≠|~=/y, "what is not equal is `!(a == b)`"],
  [/=/y, "an equality is `a == b`"],
  [/<-/y, "an assignment is `x = …` or `x ← …`"],
  [/\/[/*]/y, "a comment begins with `#`"],
  [/%/y, "the remainder is `a - b*floor(a/b)`"],
  [/∇|∂/y, "the gradient is `g`"],
  [/∑/y, "a sum is `sum(x)`"],
  [/[⌊⌋]/y, "it is `floor(x)`"],
  [/[⌈⌉]/y, "it is `ceil(x)`"],
  [/~|∼/y, "random numbers are `normal(seed)` and `uniform(seed)`"],
  [/\\(?:frac|dfrac|tfrac)\b/y, "a fraction is `(a)/(b)`"],
  [
    /\\(hat|bar|tilde)\b(?:\s*\{?\s*\\?([A-Za-z]+))?/y,
    (_, accent, name = "m") => `write \`${greek.get(name) ?? name}_${accent}\``,
  ],
  [/\\(?:cdot|times|odot|circ|ast)\b/y, "a product is `a*b`"],
  [/\\(?:leftarrow|gets)\b/y, "an assignment is `x = …` or `x ← …`"],
  [/\\(sqrt|max|min|exp|log|sin|cos|tan|tanh)\b/y, (_, name) => `write \`${name}(…)\``],
  [
    /\\(?:operatorname|mathrm|text)\b\s*(?:\{\s*([A-Za-z]+))?/y,
    (_, name = "sign") => `write \`${name}(…)\``,
  ],
  [/\\(?:nabla|partial)\b/y, "the gradient is `g`"],
  [/\\l?[Vv]ert\b|\\\|/y, "a norm is `norm(x)`"],
  [
    /\\([A-Za-z]+)/y,
    (_, name) => greek.has(name) ? `write \`${greek.get(name)}\`` : "it reads no LaTeX",
  ],
  [/\$|\\/y, "it reads no LaTeX"],
  [
    /[[\]{}]/y,
    "parentheses `( )` group, and an index is a time, such as `m_{t-1}`, or a number",
  ],
];

/** What names mean elsewhere, and what says it here. */
const FUNCTIONS: ReadonlyMap<string, string> = /* @__PURE__ */ byName([
  ["ln log_e", "log(x)"],
  ["log2", "log(x)/log(2)"],
  ["log10", "log(x)/log(10)"],
  ["log1p", "log(1 + x)"],
  ["expm1", "exp(x) - 1"],
  ["exp2", "2^x"],
  ["sgn signum", "sign(x)"],
  ["pow power", "x^y"],
  ["square", "x^2"],
  ["rsqrt", "1/sqrt(x)"],
  ["reciprocal inv", "1/x"],
  ["maximum", "max(x, y)"],
  ["minimum", "min(x, y)"],
  ["clamp", "clip(x, low, high)"],
  ["relu", "max(x, 0)"],
  ["sigmoid", "1/(1 + exp(-x))"],
  ["round rint", "floor(x + 0.5)"],
  ["mod fmod remainder", "x - y*floor(x/y)"],
  ["dot inner vdot", "sum(x*y)"],
  ["matmul mm", "x @ y"],
  ["rms", "sqrt(mean(x^2))"],
  ["var variance", "mean((x - mean(x))^2)"],
  ["std", "sqrt(mean((x - mean(x))^2))"],
  ["norm2 l2 l2norm l2_norm", "norm(x)"],
  ["norm1 l1 l1norm l1_norm", "sum(abs(x))"],
  ["lerp", "x + c*(y - x)"],
  ["randn gaussian", "normal(seed)"],
  ["rand random", "uniform(seed)"],
  ["if ifelse cond select iif", "where(condition, x, y)"],
  ["avg average reduce_mean", "mean(x)"],
  ["reduce_sum", "sum(x)"],
  ["not logical_not", "!condition"],
  ["eye identity", "where(index(axis=0) == index(axis=1), 1, 0)"],
  ["arange iota range", "index(axis=0)"],
  ["zeros zeros_like zerosLike", "0*x"],
  ["ones ones_like onesLike", "0*x + 1"],
  ["grad gradient", "g"],
]);

/** Words that begin a statement elsewhere, and what is written here. */
const WORDS: ReadonlyMap<string, string> = /* @__PURE__ */ byName([
  ["if else elif", "a choice is `u = where(condition, a, b)`"],
  ["for while loop", "a loop is `repeat 5 { … }`"],
  ["const let var", "a name needs no declaration: `a = …`"],
  ["return", "what a step returns is assigned to `u`: `u = …`"],
  ["def function", "there are no functions of your own: assign a name"],
]);

/** What arguments of reductions are called elsewhere, and what is written here. */
const ARGUMENTS: ReadonlyMap<string, string> = /* @__PURE__ */ byName([
  ["dim dims axes", "write `axis=`"],
  ["keepdims keepdim keep_dims", "leave it out: a reduced axis stays, with length 1"],
]);

/** What symbols mean elsewhere. */
const SYMBOLS: ReadonlyMap<string, string> = /* @__PURE__ */ byName([
  ["x p X W theta param params parameter parameters weight weights", "w"],
  ["G grad grads gradient gradients dw", "g"],
  ["update updates", "u"],
  ["step steps iter iteration", "t"],
  ["e", "exp(1)"],
  ["T", "transpose(x)"],
  ["not", "!condition"],
  ["infinity Infinity", "inf"],
  ["NaN", "nan"],
]);

/** `; HINT` where what stands at a place is known to be written otherwise here; else the empty string. */
export function notationAt(text: string, at: number): string {
  for (const [pattern, hint] of NOTATIONS) {
    const found = matchAt(pattern, text, at);
    if (found !== null) return `; ${typeof hint === "string" ? hint : hint(...found)}`;
  }
  return "";
}

/** `; write …` where an unknown function is known by another name; else what `near` it is. Then where all are listed. */
export function functionHint(name: string, near: string): string {
  const text = FUNCTIONS.get(name) ?? FUNCTIONS.get(name.toLowerCase());
  return `${text === undefined ? near : `; write \`${text}\``}; see ${LANGUAGE_PAGE}`;
}

/** `; write …` where an unknown symbol is known by another name: one of `known`, if that is given. */
export function symbolHint(name: string, known?: readonly string[]): string {
  const text = SYMBOLS.get(name);
  return text === undefined || known?.includes(text) === false ? "" : `; write \`${text}\``;
}

/** `; HINT` where what follows the first name of a statement is no `=`, but known elsewhere; else the empty string. */
export function assignmentHint(name: string, text: string, at: number): string {
  const word = WORDS.get(name);
  if (word !== undefined) return `; ${word}`;
  const mark = matchAt(/([-+*/])=/y, text, at)?.[1];
  return mark === undefined
    ? notationAt(text, at)
    : `; write it out: \`${name} = ${name} ${mark} …\``;
}

/** `; HINT` where an argument of this name is known elsewhere; else the empty string. */
export function argumentHint(name: string): string {
  const text = ARGUMENTS.get(name);
  return text === undefined ? "" : `; ${text}`;
}
