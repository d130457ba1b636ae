/** Names for the constants of a found program, so that it reads as an optimizer with hyperparameters. */
import {
  apply,
  constant,
  foldNodes,
  type Node,
  postorder,
  replaceSymbols,
  symbol,
} from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import { printExpression, printStatements } from "../../dsl/print.ts";
import { mapState } from "../../dsl/program.ts";
import { type Form, replaceNode } from "../../dsl/rewrite/form.ts";
import { statementsOf } from "../../dsl/rewrite/layout.ts";

/** A constant that got a name, or a factor that went into a hyperparameter. */
export interface Naming {
  readonly rule: string;
  readonly place: string;
  readonly before: string;
  readonly after: string;
  readonly form: Form;
  /** What one hyperparameter is now multiplied by, if it took in a factor. */
  readonly scaled?: { readonly name: string; readonly factor: number };
}

/** The next constant that can be named; undefined if there is none left. */
export function nextNaming(form: Form): Naming | undefined {
  return absorbed(form) ?? averageNamed(form) ?? decayNamed(form) ?? guardNamed(form);
}

/** A required hyperparameter that is only ever multiplied by one positive number. */
function absorbed(form: Form): Naming | undefined {
  const roots = [...form.outputs.values()];
  const inits = [...form.state.values()].map(({ init }) => init);
  for (const [name, value] of form.hyper) {
    if (value !== "required") continue;
    const given = symbol(name);
    if (postorder(inits).includes(given)) continue;
    const users = postorder(roots).filter(({ src }) => src.includes(given));
    const [user] = users;
    if (users.length !== 1 || user.op !== "Mul") continue;
    const factor = user.src.find((each) => each !== given);
    if (factor === undefined) continue;
    const by = numberOf(factor);
    if (by === undefined || !(by > 0)) continue;
    const next = replaceNode(form, user, given);
    return {
      rule: `${name} takes in the factor ${printExpression(factor)}`,
      ...changedLine(form, next),
      form: next,
      scaled: { name, factor: by },
    };
  }
}

/** The weight of the past in an average, `k*y + (1 - k)*x`. */
function averageNamed(form: Form): Naming | undefined {
  // In the order in which they are written.
  for (const node of postorder(statementsOf(form).map((statement) => statement.node))) {
    if (node.op !== "Add") continue;
    const [past, now] = node.src;
    if (past.op !== "Mul" || now.op !== "Mul" || now.src[0].op !== "Sub") continue;
    const [weight, y] = past.src;
    const [one, other] = now.src[0].src;
    const value = numberOf(weight);
    if (one !== constant(1) || other !== weight || value === undefined) continue;
    const name = freshHyper(form, ["b1", "b2", "b3", "b4", "b5"]);
    if (name === undefined) return undefined;
    const b = symbol(name);
    const named = apply(
      "Add",
      apply("Mul", b, y),
      apply("Mul", apply("Sub", constant(1), b), now.src[1]),
    );
    return nameConstant(form, node, named, name, value, "the weight of the past");
  }
}

/** The factor of the parameter. */
function decayNamed(form: Form): Naming | undefined {
  for (const node of postorder(form.outputs.values())) {
    if (node.op !== "Mul" || node.src[1] !== symbol("w")) continue;
    const value = numberOf(node.src[0]);
    const name = freshHyper(form, ["weightDecay"]);
    if (value === undefined || name === undefined) continue;
    const named = apply("Mul", symbol(name), symbol("w"));
    return nameConstant(form, node, named, name, value, "the factor of the parameter");
  }
}

/** What is added below a line to keep from dividing by 0. */
function guardNamed(form: Form): Naming | undefined {
  for (const node of postorder(form.outputs.values())) {
    if (node.op !== "Div" || node.src[1].op !== "Add") continue;
    const [base, added] = node.src[1].src;
    const value = numberOf(added);
    const name = freshHyper(form, ["eps"]);
    if (value === undefined || !(value > 0 && value < 1e-3) || name === undefined) continue;
    const named = apply("Div", node.src[0], apply("Add", base, symbol(name)));
    return nameConstant(form, node, named, name, value, "the guard of a division");
  }
}

function nameConstant(
  form: Form,
  from: Node,
  to: Node,
  name: string,
  value: number,
  what: string,
): Naming {
  const next = replaceNode(form, from, to);
  const named = { ...next, hyper: new Map([...form.hyper, [name, value] as const]) };
  return { rule: `${what} is named ${name}`, ...changedLine(form, named), form: named };
}

/** The first statement that two forms write otherwise, one that both have before others. */
export function changedLine(
  before: Form,
  after: Form,
): Pick<Naming, "place" | "before" | "after"> {
  const [old, next] = [before, after].map((form) =>
    new Map(statementsOf(form).map((each) => [each.target, printStatements([each])]))
  );
  const changed = [...old].filter(([place, line]) => next.get(place) !== line);
  const [place, line] = changed.find(([place]) => next.has(place)) ?? changed[0];
  return { place, before: line, after: next.get(place) ?? "" };
}

function freshHyper(form: Form, names: readonly string[]): string | undefined {
  const locals = new Set(form.names.values());
  return names.find((name) =>
    !form.hyper.has(name) && !form.state.has(name) && !form.inputs.has(name) && !locals.has(name)
  );
}

/** The number that an expression of constants is. */
function numberOf(root: Node): number | undefined {
  return foldNodes<number | undefined>([root], ({ op, arg }, src) => {
    if (op === "Const") return arg as number;
    const row = elementRow(op);
    const isKnown = row !== undefined && src.every((each) => each !== undefined);
    return isKnown ? row.eval(...src as number[]) : undefined;
  }).get(root);
}

/** `form` with states, hyperparameters and locals called as another form calls them. */
export function renamedAs(
  form: Form,
  model: Form,
  names: ReadonlyMap<string, string>,
): Form {
  const back = new Map([...names].map(([theirs, mine]) => [mine, theirs]));
  const called = (name: string) => back.get(name) ?? name;
  const symbols = new Map([...back].map(([mine, theirs]) => [mine, symbol(theirs)]));
  const rename = (root: Node) => replaceSymbols(root, symbols);
  const outputs = new Map([...form.outputs].map(([name, node]) => [called(name), rename(node)]));
  const order = <T>(given: ReadonlyMap<string, T>, like: ReadonlyMap<string, unknown>) => {
    const renamed = new Map([...given].map(([name, value]) => [called(name), value]));
    return new Map([...like.keys()].map((name) => [name, renamed.get(name)!]));
  };
  return {
    ...form,
    hyper: order(form.hyper, model.hyper),
    domains: new Map([...form.domains].map(([name, domain]) => [called(name), domain])),
    state: new Map(
      [...order(form.state, model.state)].map(([name, state]) => [name, mapState(state, rename)]),
    ),
    // In the order of the model, whose locals have its names.
    outputs: new Map([...model.outputs.keys()].map((name) => [name, outputs.get(name)!])),
    names: new Map(
      [...form.names].map(([node, name]) => {
        const own = rename(node);
        return [own, model.names.get(own) ?? called(name)];
      }),
    ),
  };
}
