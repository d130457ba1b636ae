/** Greek letters: their names, and what papers write for names of programs. */

/** Each letter and its name, which is that of LaTeX. */
export const LETTER_NAMES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ ("α alpha β beta γ gamma δ delta ϵ epsilon ε varepsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda " +
    "μ mu ν nu ξ xi π pi ρ rho σ sigma τ tau υ upsilon ϕ phi φ varphi χ chi ψ psi ω omega " +
    "Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi Ψ Psi Ω Omega")
    .split(" ").flatMap((letter, i, all) => i % 2 === 0 ? [[letter, all[i + 1]] as const] : []),
);

/** The letters for a name, the one that LaTeX is printed with first; some with an index, `t`, or a bar. */
export const WRITTEN_AS: ReadonlyMap<string, readonly string[]> = /* @__PURE__ */ new Map([
  ["w", ["θ"]],
  ["learningRate", ["α", "η"]],
  ["weightDecay", ["λ"]],
  ["momentum", ["μ"]],
  ["eps", ["ϵ", "ε"]],
  ["epsRoot", ["ϵ_bar", "ε_bar"]],
]);

const INDEXED = /^(.*[^_0-9₀-₉])_?([0-9]+|[₀-₉]+)$/;

/** `₁₂` as `12`. */
export function plainDigits(text: string): string {
  return text.replace(/[₀-₉]/g, (digit) => String(digit.charCodeAt(0) - 0x2080));
}

/**
 * The other names that a name in a text may stand for: `β₁`, `β_1` and `β1` for one another and for `b1`,
 * `ε₂` for `eps2`, `m_hat` for `mhat`, and letters for what they are written for.
 */
export function spellingsOf(name: string): string[] {
  const [, stem, index] = INDEXED.exec(name) ?? [undefined, name, undefined];
  if (index !== undefined) {
    const digits = plainDigits(index);
    const below = digits.replace(/[0-9]/g, (digit) => String.fromCharCode(0x2080 + Number(digit)));
    const stems = [stem, ...(stem === "β" ? ["b"] : []), ...spellingsOf(stem)];
    return stems.flatMap((each) => [each + digits, `${each}_${digits}`, each + below]);
  }
  const accented = /^(.+?)(_?)(hat|bar|tilde)$/.exec(name);
  const joined = accented === null
    ? []
    : [accented[1] + (accented[2] === "" ? "_" : "") + accented[3]];
  const latin = LETTER_NAMES.get(name);
  const alike = name === "ν" ? ["v"] : []; // what papers that write `ν` for it, and programs `v`, mean
  const written = [...WRITTEN_AS].filter(([, letters]) => letters.includes(name));
  return [
    ...joined,
    ...alike,
    ...(latin === undefined ? [] : [latin]),
    ...written.map(([each]) => each),
  ];
}
