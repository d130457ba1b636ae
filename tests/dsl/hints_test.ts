/** What other notations write: it is taken where it can only mean one thing, else a message says what to write. */
import fc from "fast-check";
import { compose } from "../../dsl/compose.ts";
import {
  type Document,
  GradusError,
  latex,
  parseProgram,
  printProgram,
  schedule,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

const document = {
  name: "sketch",
  hyper: { learningRate: 0.1, b1: 0.9, b2: 0.999, eps: 1e-8, weightDecay: 0, momentum: 0.9 },
  state: { m: 0, v: 0 },
} satisfies Partial<Document>;

const read = (step: string, also: Partial<Document> = {}) =>
  parseProgram({ ...document, step, ...also });

/** Expressions, and what they are read as. */
const taken: readonly (readonly [written: string, meant: string])[] = [
  ["g ** 2", "g^2"],
  ["g ⊙ g ∘ g ∗ g ⋅ g × g · g", "g*g*g*g*g*g*g"],
  ["g ÷ w ∕ w ⊘ w", "g/w/w/w"],
  ["g − 1", "g - 1"],
  ["g³ + g¹⁰ + g⁻² + √g²", "g^3 + g^10 + g^-2 + sqrt(g)^2"],
  ["1 - β₁ᵗ", "1 - b1^t"],
  ["max(0, g)", "max(0, g)"],
  ["where(g ≤ 1 ∧ g ≥ 0 && w > 0, ∞, -∞)", "where(g <= 1 & g >= 0 & w > 0, inf, -inf)"],
  ["β₁ + β_1 + β1 + β_{1} + 𝛽1 + b₁ + b_1", "b1 + b1 + b1 + b1 + b1 + b1 + b1"],
  ["β₂*g", "b2*g"],
  ["α*g", "learningRate*g"],
  ["η_t*g", "learningRate*g"],
  ["λ*θ + μ*g_t", "weightDecay*w + momentum*g"],
  ["g/(g + ε) + ϵ", "g/(g + eps) + eps"],
  ["θ_{t-1} + θ_t + w_t", "w + w + w"],
  ["m_{t-1} + m[t-1] + m_{t−1} + mₜ₋₁ + m_{k - 1}", "m + m + m + m + m"],
  ["g_{t} + g[t] + gₜ + g_k", "g + g + g + g"],
  ["µ*g", "momentum*g"],
];

for (const [written, meant] of taken) {
  Deno.test(`\`${written}\` is read as \`${meant}\``, () => {
    const program = read(`u = ${written}`);
    assertEquals(printProgram(program).step, `u = ${meant}`);
    assert(program === read(`u = ${meant}`));
  });
}

/** Steps that are refused, and what the message says to write. */
const refused: readonly (readonly [step: string, hint: string])[] = [
  // Marks.
  ["u = G.T @ g", "; the transpose of `G` is `transpose(G)`"],
  ["u = g' @ g", "; the transpose of `G` is `transpose(G)`"],
  ["u = gᵀ @ g", "; the transpose of `G` is `transpose(G)`"],
  ["u = g^T @ g", "there is no symbol `T`; write `transpose(x)`"],
  ["u = g^⊤ @ g", "; the transpose of `G` is `transpose(G)`"],
  ["u = g > 0 ? g : 0", "; a choice is `where(condition, a, b)`"],
  ["u = g if t else 0", "; a choice is `where(condition, a, b)`"],
  [
    "u = where(g > 0 and w > 0, 1, 0)",
    "; conditions are joined by `&` and `|`, and negated by `!`",
  ],
  ["u = where(not g > 0, 1, 0)", "there is no symbol `not`; write `!condition`"],
  ["u = where(g = 0, 1, 0)", "; an equality is `a == b`"],
  ["u = g/‖g‖", "; a norm is `norm(x)`"],
  ["u = g/||g||", "; a norm is `norm(x)`"],
  ["u = g/|g|", "; an absolute value is `abs(x)`"],
  ["u = where(g > 0 || g < 1, 0, 1)", "one or the other of two conditions `a | b`"],
  ["u = where(g != 0, 0, 1)", "; what is not equal is `!(a == b)`"],
  ["u = where(g ≠ 0, 0, 1)", "; what is not equal is `!(a == b)`"],
  ["u = g\nm += g", "; write it out: `m = m + …`"],
  ["u = g\nm -= g", "; write it out: `m = m - …`"],
  ["if t > 5: u = g", "; a choice is `u = where(condition, a, b)`"],
  ["while t < 5 u = g", "; a loop is `repeat 5 { … }`"],
  ["const a = g\nu = a", "; a name needs no declaration: `a = …`"],
  ["u = g\nreturn u", "; what a step returns is assigned to `u`"],
  ["u = g*(g > 0)", "; `where(condition, 1, 0)` makes it one"],
  ["u = g/mean(g, dim=0)", "only `axis` is an argument with a name: given `dim`; write `axis=`"],
  ["u = g/mean(g, axis=0, keepdims=1)", "given `keepdims`; leave it out"],
  ["u = g/mean(g, foo=0)", "only `axis` is an argument with a name: given `foo`"],
  ["u = g\nm <- g", "; an assignment is `x = …` or `x ← …`"],
  ["u = g // descent", "; a comment begins with `#`"],
  ["u = g /* descent */", "; a comment begins with `#`"],
  ["u = g % 2", "; the remainder is `a - b*floor(a/b)`"],
  ["u = -∇f", "; the gradient is `g`"],
  ["u = ∑ g", "; a sum is `sum(x)`"],
  ["u = ⌊g⌋", "; it is `floor(x)`"],
  ["u = ⌈g⌉", "; it is `ceil(x)`"],
  ["z ~ 0", "; random numbers are `normal(seed)` and `uniform(seed)`"],
  ["u = [g + 1]*2", "; parentheses `( )` group"],
  ["u = {g + 1}*2", "; parentheses `( )` group"],
  ["u = np.sqrt(g)", "; functions stand alone: `sqrt(…)`"],
  ["u = torch.sign(g)", "; functions stand alone: `sign(…)`"],
  ["u = Math.abs(g)", "; functions stand alone: `abs(…)`"],
  // Products.
  ["u = g²_t", "; an index stands before a power: `g_t^2`"],
  ["u = 2 g", "; a product is `a*b`"],
  ["u = b1 g", "; a product is `a*b`"],
  ["u = (1 - b1) g", "; a product is `a*b`"],
  ["u = (b1 g)", "; a product is `a*b`"],
  ["u = b1 (g + 1)", "there is no function `b1`; a product is `a*b`"],
  ["u = β₁(g + 1)", "there is no function `β₁`; a product is `a*b`"],
  ["m = g, u = m", "; statements stand in lines, or between `;`"],
  // LaTeX.
  ["u = \\beta_1*g", "; write `β`"],
  ["u = \\varepsilon*g", "; write `ε`"],
  ["u = \\frac{g}{2}", "; a fraction is `(a)/(b)`"],
  ["u = \\sqrt{g}", "; write `sqrt(…)`"],
  ["u = \\hat{v}_t", "; write `v_hat`"],
  ["u = \\hat\\theta", "; write `θ_hat`"],
  ["u = g \\cdot g", "; a product is `a*b`"],
  ["u \\leftarrow g", "; an assignment is `x = …` or `x ← …`"],
  ["u = \\operatorname{sign}(g)", "; write `sign(…)`"],
  ["u = \\nabla f", "; the gradient is `g`"],
  ["u = g/\\|g\\|", "; a norm is `norm(x)`"],
  ["u = \\left(g\\right)", "; it reads no LaTeX"],
  ["u = $g$", "; it reads no LaTeX"],
  // Names.
  ["u = x", "there is no symbol `x`; write `w`"],
  ["u = params", "there is no symbol `params`; write `w`"],
  ["u = grad", "there is no symbol `grad`; write `g`"],
  ["u = e^g", "there is no symbol `e`; write `exp(1)`"],
  ["u = g/step", "there is no symbol `step`; write `t`"],
  ["u = lr*g", "there is no symbol `lr`; did you mean `learningRate`?"],
  ["u = beta1*g", "there is no symbol `beta1`; did you mean `b1`?"],
  ["u = weight_decay*g", "there is no symbol `weight_decay`; did you mean `weightDecay`?"],
  ["u = α*g + η*g", "`η` and `α` would both be `learningRate`: declare one of them"],
  ["u = g\nθ_t = θ_{t-1} - α*g", "which is added to it: `u = -(learningRate*g)`"],
  ["ν = b2*ν + g\nu = ν", "`ν` is read before a statement sets it; did you mean `v`?"],
  ["θ = θ - α*g\nu = g", "`θ` is read before a statement sets it; did you mean `w`?"],
  ["x = x - α*g\nu = g", "`x` is read before a statement sets it; write `w`"],
  // Time.
  ["m_t = b1*m + g\nu = m_t", "`m_t` would be a name of its own: write `m`"],
  ["m = g\nu = m_{t-1}", "keep the old one before that, as in `old = m`"],
  ["u = m_{t}\nm = g", "`m` is set by a later statement: the one of the step before is `m`"],
  ["u = m_{t+1}", "the value of a later step is not known"],
  ["u = m_{t-2}", "only the value of the step before is kept"],
  ["u = g_{t-1}", "only states have a value of the step before, and `g` is none: keep it in one"],
  ["m_{t+1} = g\nu = g", "a statement sets a value of this step, so its index is `t` or none"],
  // Functions.
  ["u = ln(g)", "there is no function `ln`; write `log(x)`; see docs/language.md"],
  ["u = g/RMS(g)", "there is no function `RMS`; write `sqrt(mean(x^2))`; see docs/language.md"],
  ["u = X", "there is no symbol `X`; write `w`"],
  ["u = pow(g, 2)", "there is no function `pow`; write `x^y`; see docs/language.md"],
  ["u = clamp(g, 0, 1)", "; write `clip(x, low, high)`; see docs/language.md"],
  ["u = sine(g)", "there is no function `sine`; did you mean `sin`?; see docs/language.md"],
];

for (const [step, hint] of refused) {
  Deno.test(`\`${step.replaceAll("\n", "; ")}\` is refused with what to write`, () => {
    assertRefused(() => read(step), hint, "at line ");
  });
}

/** Steps as five papers print them, but for the signs between factors and the update in place of the parameter. */
const papers:
  readonly (readonly [name: string, also: Partial<Document>, step: string, meant: string])[] = [
    [
      "Adam",
      {},
      `m_t ← β_1 · m_{t−1} + (1 − β_1) · g_t
     v_t ← β_2 · v_{t−1} + (1 − β_2) · g_t²
     m̂_t ← m_t/(1 − β_1^t)
     v̂_t ← v_t/(1 − β_2^t)
     u_t ← −α · m̂_t/(√v̂_t + ε)`,
      `m = b1*m + (1 - b1)*g
     v = b2*v + (1 - b2)*g^2
     m_hat = m/(1 - b1^t)
     v_hat = v/(1 - b2^t)
     u = -learningRate*m_hat/(sqrt(v_hat) + eps)`,
    ],
    [
      "Lion",
      {},
      `c_t ← β₁·m_{t−1} + (1 − β₁)·g_t
     u_t ← −η_t·(sign(c_t) + λ·θ_{t−1})
     m_t ← β₂·m_{t−1} + (1 − β₂)·g_t`,
      `c = b1*m + (1 - b1)*g
     u = -learningRate*(sign(c) + weightDecay*w)
     m = b2*m + (1 - b2)*g`,
    ],
    [
      "AdaBelief",
      { state: { m: 0, s: 0 } },
      `m_t ← β1*m_{t-1} + (1 - β1)*g_t
     s_t ← β2*s_{t-1} + (1 - β2)*(g_t - m_t)² + ϵ
     m̂_t ← m_t/(1 - β1^t); ŝ_t ← s_t/(1 - β2^t)
     u_t ← -α*m̂_t/(√ŝ_t + ϵ)`,
      `m = b1*m + (1 - b1)*g
     s = b2*s + (1 - b2)*(g - m)^2 + eps
     m_hat = m/(1 - b1^t)
     s_hat = s/(1 - b2^t)
     u = -learningRate*m_hat/(sqrt(s_hat) + eps)`,
    ],
    [
      "Adan",
      { state: { m: 0, v: 0, n: 0, p: 0 }, hyper: { ...document.hyper, b3: 0.01 } },
      `m_k = (1 − β₁)∘m_{k−1} + β₁∘g_k
     v_k = (1 − β₂)∘v_{k−1} + β₂∘(g_k − p)
     n_k = (1 − β₃)∘n_{k−1} + β₃∘(g_k + (1 − β₂)∘(g_k − p))²
     u_k = −η∘(m_k + (1 − β₂)∘v_k)/(√n_k + ε)
     p = g_k`,
      `m = (1 - b1)*m + b1*g
     v = (1 - b2)*v + b2*(g - p)
     n = (1 - b3)*n + b3*(g + (1 - b2)*(g - p))^2
     u = -learningRate*(m + (1 - b2)*v)/(sqrt(n) + eps)
     p = g`,
    ],
    [
      "Sophia",
      { state: { m: 0, h: 0 }, inputs: { hhat: "element" } },
      `m_t = β₁·m_{t−1} + (1 − β₁)·g_t
     h_t = β₂·h_{t−1} + (1 − β₂)·ĥ_t
     u_t = −η_t·λ·θ_t − η_t·clip(m_t/max(h_t, ε), −1, 1)`,
      `m = b1*m + (1 - b1)*g
     h = b2*h + (1 - b2)*hhat
     u = -learningRate*weightDecay*w - learningRate*clip(m/max(h, eps), -1, 1)`,
    ],
  ];

for (const [name, also, step, meant] of papers) {
  Deno.test(`the step of ${name} is read as its paper prints it`, () => {
    const program = read(step, also);
    assertEquals(printProgram(program).step.split("\n"), meant.split(/\n\s*/));
    assert(parseProgram(printProgram(program)) === program);
  });
}

Deno.test("a local may be called as what a paper calls the gradient", () => {
  const step = "g_t = g + w\nw_k = 2*g_t\nm = g_t\nm_t = 2*m\nu = w_k + m_t";
  assertEquals(printProgram(read(step)).step, step);
  const indexed = "g_t ← g_t + θ_{t-1}\nm_t ← g_t\nu_t ← m_{t}";
  assertEquals(printProgram(read(indexed)).step, "g = g + w\nm = g\nu = m");
});

Deno.test("a name that is declared is never another", () => {
  const hyper = { β1: 0.5, b1: 0.9, α: 1, learningRate: 0.1, m_t: 2, "γ₂": 3, γ_3: 4 };
  const step = "m = β1*g + b1*g + α*learningRate*m_t*γ₂*γ_3";
  const program = read(`${step}\nu = m`, { hyper });
  assertEquals(printProgram(program).step, `${step}\nu = m`);
  assertRefused(() => read("u = β₁*g", { hyper }), "`β₁` may be `β1` or `b1`: write the name that");
  assertEquals(printProgram(read("u = γ2*γ_2*γ3", { hyper })).step, "u = γ₂*γ₂*γ_3");
});

Deno.test("names with accents and indices are read in initial values and in what is evaluated", () => {
  const program = read("m_hat = g\nu = m̂ + v", {
    state: { m: "β₁*θ", v: 0 },
    evaluate: "θ_t + m_t*β₂",
  });
  const { state, evaluate } = printProgram(program);
  assertEquals([state, evaluate], [{ m: "b1*w", v: 0 }, "w + m*b2"]);
});

Deno.test("an accent in a declared name is refused with the name to write", () => {
  assertRefused(() => read("u = g", { state: { "v̂": 0 } }), "; write `v_hat`");
});

Deno.test("joined programs keep names apart that one text would read as one", () => {
  const first = parseProgram({ name: "a", step: "x_t = 2*g\nu = x_t" });
  const second = parseProgram({ name: "b", state: { x: "w" }, step: "x = x + g\nu = x" });
  const { program } = compose([first, second]);
  assertEquals(
    printProgram(program).step.split("\n"),
    ["x_t = 2*g", "u = x_t", "g = u", "x = x + g", "u = x"],
  );
});

Deno.test("LaTeX prints indices and accents as they are written", () => {
  const program = read("m_hat = γ₂*g\nu = m_hat", { hyper: { "γ₂": 1 } });
  assertEquals(
    latex(program).split("\n").slice(0, 2),
    ["\\hat{m}_t &\\leftarrow \\gamma_2 \\cdot g_t \\\\", "u_t &\\leftarrow \\hat{m}_t \\\\"],
  );
});

/** Pieces of texts that papers, other languages and slips of a hand are made of. */
const pieces = (
  "m v g w u t θ β₁ β_1 b1 b₂ α η_t λ μ µ ε ϵ m_t v_t g_t c_t x_t u_t θ_t m_{t-1} m_{t} v[t-1] gₜ mₜ₋₁ m_{t+1} " +
  "m̂ m̂_t v_hat vhat ŝ 𝛽 γ₂ γ_2 β_{1} β_{1,t} _{ { } [ ] ( ) ( ) , , = = ← := + - − * · × ⊙ ** ^ ² ⁻¹ ᵗ ᵀ / ÷ // " +
  "√ | || ‖ < <= ≤ == != & && ! ¬ ? : . .T ' \\ \\beta \\frac $ ∞ ∇ sqrt max sum norm( sqrt( max( where( axis axis=0 " +
  "2 0.5 1e3 # ; ; learningRate lr grad e pi ∞ \u0302 \u{1d400}"
).split(" ");

Deno.test("whatever is written is read and prints back, or is refused", () => {
  let count = 0;
  const states = { m: 0, v: 0, vhat: "w" };
  const text = fc.array(fc.constantFrom(...pieces, "\n", "\n"), { maxLength: 24 });
  const law = fc.property(text, fc.constantFrom("", " "), (parts, gap) => {
    let program;
    try {
      program = read(`${parts.join(gap)}\nu = m${gap}`, { state: states, evaluate: undefined });
    } catch (error) {
      if (error instanceof GradusError) return;
      throw error;
    }
    count++;
    assert(parseProgram(printProgram(program)) === program, printProgram(program).step);
  });
  fc.assert(law, { numRuns: 8_000, seed: 3, includeErrorInReport: true });
  assert(count > 120, `only ${count} were read`);
});

Deno.test("an index below a letter is read as one after the name that the letter is written for", () => {
  const hyper = { eps1: 1e-30, eps2: 1e-3, lambda1: 1 };
  const { step } = printProgram(read("u = -max(ε₂, ε_1)*g + λ_1*w + ν_{t-1}", { hyper }));
  assertEquals(step, "u = -max(eps2, eps1)*g + lambda1*w + v");
});

Deno.test("a schedule says what is written for the number of a step", () => {
  assertRefused(() => schedule("0.1*0.9^step"), "there is no `step`; write `t`");
});

Deno.test("a schedule has no index in time", () => {
  assertRefused(() => schedule("count_{t-1}"), "only in a step does a name have an index in time");
});
