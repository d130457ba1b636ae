/** Whether two programs do the same, judged by their forms: up to the names they give to things. */
import { type Node, postorder, replaceSymbols, symbol } from "../node.ts";
import { expressionsOf, type Program } from "../program.ts";
import { exactForm, relaxedForm } from "./canonical.ts";
import { type Form, formOf } from "./form.ts";
import { simplifyForm } from "./simplify_program.ts";

/** How two forms were found to be the same. */
export interface SameForm {
  /** By rules that keep every bit, or by what is true of real numbers. */
  readonly under: "exact" | "relaxed";
  /** What the first program calls the states and hyperparameters of the second. */
  readonly names: ReadonlyMap<string, string>;
}

// More ways of pairing names than these are not tried.
const MOST_PAIRINGS = 2_000;

/**
 * Whether the forms of two programs are the same. `renamed` pairs names of the second program with names
 * of the first; others are paired with their like, then in any way there is.
 */
export function compareForms(
  first: Program,
  second: Program,
  options: {
    readonly renamed?: Readonly<Record<string, string>>;
    readonly facts?: readonly string[];
  } = {},
): SameForm | undefined {
  for (const under of ["exact", "relaxed"] as const) {
    const [p, q] = [first, second].map((each) => simple(each, under, options.facts));
    const canonical = under === "exact" ? exactForm : relaxedForm;
    if (!isAlike(p, q, canonical)) continue;
    const mine = new Map([...p.outputs].map(([name, node]) => [name, canonical(node)]));
    let tried = 0;
    for (const names of pairings(p, q, options.renamed ?? {})) {
      if (++tried > MOST_PAIRINGS) break;
      const symbols = new Map([...names].map(([theirs, mine]) => [theirs, symbol(mine)]));
      const at = (node: Node) => canonical(replaceSymbols(node, symbols));
      const isSame = at(q.evaluate) === canonical(p.evaluate) &&
        [...q.outputs].every(([name, node]) =>
          at(node) === mine.get(name === "u" ? "u" : names.get(name)!)
        ) && [...q.state].every(([name, state]) => {
          const mine = expressionsOf(p.state.get(names.get(name)!)!);
          return expressionsOf(state).every((each, i) => at(each) === canonical(mine[i]));
        });
      if (isSame) {
        return { under, names };
      }
    }
  }
}

/** What a program was simplified to under some facts: it is compared with many, one after another. */
interface Simple {
  readonly facts: readonly string[] | undefined;
  readonly forms: Map<SameForm["under"], Form>;
}

const known = new WeakMap<Program, Simple>();

function simple(program: Program, under: SameForm["under"], facts?: readonly string[]): Form {
  let kept = known.get(program);
  if (kept === undefined || kept.facts !== facts) {
    known.set(program, kept = { facts, forms: new Map() });
  }
  let form = kept.forms.get(under);
  if (form === undefined) {
    const options = { allow: under, ...(facts === undefined ? {} : { facts }) };
    form = simplifyForm(formOf(program), options, { isNamed: false }).form;
    kept.forms.set(under, form);
  }
  return form;
}

/** Whether two forms have as many of everything, which no renaming changes. */
function isAlike(p: Form, q: Form, canonical: (node: Node) => Node): boolean {
  const count = ({ hyper, state, inputs, outputs }: Form) => {
    const counts = new Map<string, number>();
    const add = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
    hyper.forEach((value) => add(`hyper ${typeof value === "boolean"}`));
    state.forEach(({ over }) => add(`state ${over}`));
    inputs.forEach((kind, name) => add(`input ${name} ${kind}`));
    for (const { op, src } of postorder([...outputs.values()].map(canonical))) {
      // How constants gather may depend on the order of names; what functions there are does not.
      const isSum = ["Add", "Mul", "Pow", "Const", "Symbol"].includes(op);
      if (src.length > 0 && !isSum) add(op);
    }
    return [...counts].map(([key, value]) => `${key} ${value}`).sort().join();
  };
  return count(p) === count(q);
}

/** Ways to pair the names of `q` with those of `p`, likely ones first. */
function* pairings(
  p: Form,
  q: Form,
  renamed: Readonly<Record<string, string>>,
): Generator<Map<string, string>> {
  const kinds = (form: Form) =>
    new Map([
      ...[...form.hyper].map(([name, value]) =>
        [name, `hyper ${typeof value === "boolean"}`] as const
      ),
      ...[...form.state].map(([name, { over }]) => [name, `state ${over}`] as const),
    ]);
  const [mine, theirs] = [kinds(p), kinds(q)];
  const names = [...theirs.keys()];
  yield* extend(0, new Map(), new Set());

  function* extend(
    at: number,
    pairs: Map<string, string>,
    used: Set<string>,
  ): Generator<Map<string, string>> {
    if (at === names.length) {
      yield new Map(pairs);
      return;
    }
    const name = names[at];
    const kind = theirs.get(name);
    const wish = Object.hasOwn(renamed, name) ? renamed[name] : undefined;
    const candidates = wish !== undefined
      ? [wish]
      : [...mine.keys()].sort((a, b) => Number(b === name) - Number(a === name));
    for (const candidate of candidates) {
      if (used.has(candidate) || mine.get(candidate) !== kind) continue;
      pairs.set(name, candidate);
      used.add(candidate);
      yield* extend(at + 1, pairs, used);
      used.delete(candidate);
      pairs.delete(name);
    }
  }
}
