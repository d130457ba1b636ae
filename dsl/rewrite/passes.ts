/** What is taken out of a step as a whole: what nothing reads, within a step and across steps. */
import { constant, type Node, replaceSymbols, symbol, symbolsIn, withSources } from "../node.ts";
import { printExpression, printStatements } from "../print.ts";
import { expressionsOf } from "../program.ts";
import { exactForm } from "./canonical.ts";
import { type Form, isSound, mapForm, replaceNode } from "./form.ts";
import { statementsOf } from "./layout.ts";

/** A change of a whole step. */
export interface Change {
  readonly rule: string;
  readonly kind: "exact" | "relaxed";
  /** The name of a state or hyperparameter. */
  readonly place: string;
  /** How it reads before and after, worked out when someone asks. */
  before(): string;
  after(): string;
  readonly form: Form;
}

/**
 * The next change of a whole step, or undefined if there is none. `keep` are states that are results of
 * their own, such as an average of the parameters.
 */
export function nextChange(
  form: Form,
  allow: "exact" | "relaxed",
  keep: ReadonlySet<string>,
): Change | undefined {
  return deadState(form, keep) ?? agreeingStates(form, keep) ??
    (allow === "relaxed" ? constantState(form, keep) : undefined);
}

/** A state that reaches neither the update, in this step or through later ones, nor what is evaluated. */
function deadState(form: Form, keep: ReadonlySet<string>): Change | undefined {
  const evaluated = [...symbolsIn([form.evaluate])].filter((name) => form.state.has(name));
  const live = new Set(["u", ...keep, ...evaluated]);
  const unread = [...live];
  for (let name = unread.pop(); name !== undefined; name = unread.pop()) {
    for (const read of symbolsIn([form.outputs.get(name)!])) {
      if (!form.state.has(read) || live.has(read)) continue;
      live.add(read);
      unread.push(read);
    }
  }
  const dead = [...form.state.keys()].find((name) => !live.has(name));
  if (dead === undefined) return undefined;
  const isEverRead = symbolsIn(form.outputs.values()).has(dead);
  return {
    rule: isEverRead
      ? "a state that never reaches the update"
      : "a state that is overwritten before it is read",
    kind: "exact",
    place: dead,
    before: () => lineOf(form, dead),
    after: () => "",
    form: without(form, dead, new Map()),
  };
}

/** Two states that begin alike and, if they agree at one step, agree at the next. */
function agreeingStates(form: Form, keep: ReadonlySet<string>): Change | undefined {
  const names = [...form.state.keys()];
  const begin = (name: string) => {
    const state = form.state.get(name)!;
    return [state.over, ...expressionsOf(state).map((each) => exactForm(each).id)].join(" ");
  };
  // Classes of states that may agree, split until each class agrees if all do.
  let classOf = new Map(names.map((name) => [name, begin(name)]));
  for (let count = 0; count !== new Set(classOf.values()).size;) {
    count = new Set(classOf.values()).size;
    const first = new Map<string, string>();
    for (const [name, key] of classOf) if (!first.has(key)) first.set(key, name);
    const merged = new Map(names.map((name) => [name, symbol(first.get(classOf.get(name)!)!)]));
    classOf = new Map(names.map((name) => {
      const next = exactForm(replaceSymbols(form.outputs.get(name)!, merged));
      return [name, `${classOf.get(name)} ${next.id}`];
    }));
  }
  for (const name of names) {
    const other = names.find((each) => each !== name && classOf.get(each) === classOf.get(name));
    if (other === undefined) continue;
    const [stays, goes] = keep.has(other) ? [other, name] : [name, other];
    if (keep.has(goes)) continue;
    const merged = new Map([[goes, symbol(stays)]]);
    const parted = without(form, goes, merged);
    // Both may be written in other ways; whoever reads the next value of one reads that of the other.
    const next = replaceNode(
      parted,
      replaceSymbols(form.outputs.get(goes)!, merged),
      parted.outputs.get(stays)!,
    );
    return {
      rule: "states that always agree",
      kind: "exact",
      place: goes,
      before: () => lineOf(form, goes),
      after: () => `${goes} is ${stays}`,
      form: next,
    };
  }
}

/** A state that stays the number it begins as. */
function constantState(form: Form, keep: ReadonlySet<string>): Change | undefined {
  for (const [name, { init }] of form.state) {
    const next = form.outputs.get(name)!;
    const stays = next === symbol(name) || next === init;
    if (!stays || init.op !== "Const" || keep.has(name)) continue;
    const value = constant(init.arg as number);
    const made = without(form, name, new Map([[name, value]]));
    if (!isSound(made)) continue;
    return {
      rule: "a state that stays what it is",
      kind: "relaxed",
      place: name,
      before: () => lineOf(form, name),
      after: () => `${name} is ${printExpression(value)}`,
      form: made,
    };
  }
}

/** A hyperparameter that no statement and no initial value reads. */
export function unreadHyper(form: Form): Change | undefined {
  const read = symbolsIn([
    ...form.outputs.values(),
    form.evaluate,
    ...[...form.state.values()].flatMap(expressionsOf),
  ]);
  const unread = [...form.hyper.keys()].find((name) => !read.has(name));
  if (unread === undefined) return undefined;
  return {
    rule: "a hyperparameter that nothing reads",
    kind: "exact",
    place: unread,
    before: () => unread,
    after: () => "",
    form: { ...form, hyper: new Map([...form.hyper].filter(([name]) => name !== unread)) },
  };
}

/** The statement that gives a state its next value, or what is known of it if none does. */
function lineOf(form: Form, name: string): string {
  const statement = statementsOf(form).find(({ target }) => target === name);
  return statement === undefined ? `${name} stays` : printStatements([statement]);
}

/** `form` without a state, and its old value replaced. */
function without(form: Form, name: string, values: ReadonlyMap<string, Node>): Form {
  const others = {
    ...form,
    state: new Map([...form.state].filter(([each]) => each !== name)),
    outputs: new Map([...form.outputs].filter(([each]) => each !== name)),
    evaluate: replaceSymbols(form.evaluate, values),
  };
  return mapForm(
    others,
    (node, src) =>
      node.op === "Symbol" ? values.get(node.arg as string) ?? node : withSources(node, src),
  );
}
