/** Checks a document into the program it stands for. */
import { axisItem } from "./axes.ts";
import { ANY_NUMBER, type Domain, isWithin, readDomain, sayDomain } from "./domain.ts";
import { GradusError, quoted, shown, suggestion } from "./errors.ts";
import { elaborate, evaluation, isAtMost, mayBeMatrix, overRate, rates, rootsOf } from "./graph.ts";
import { Interned } from "./intern.ts";
import { IDENTIFIER, normalName } from "./names.ts";
import { constant, type Node, PARAMETER, postorder } from "./node.ts";
import type { Sizes } from "./matrix.ts";
import { elementRow, matrixRow, randomRow, reduceOps, reduceRow, treeName } from "./ops.ts";
import { suggestedName } from "./other_names.ts";
import { isReserved, parseExpression, parseStatements, type Scope } from "./parse.ts";
import { sketchExpression } from "./print.ts";
import {
  type Document,
  expressionsOf,
  type InputKind,
  type Program,
  required,
  type StateDeclaration,
} from "./program.ts";
import { evaluateScope, nameAmong, RESERVED, StepScope } from "./scope.ts";

// Names that mean something else where these would stand, and what.
const TAKEN: Readonly<Record<string, { readonly names: readonly string[]; readonly by: string }>> =
  {
    hyper: {
      names: [
        ...["mask", "weightDecayMask", "cautiousWeightDecay", "weightDecayScaling"],
        ...["muDtype", "accumulatorDtype", "dtypeMomentum"],
      ],
      by: "an option of its own",
    },
    state: { names: ["optimizer", "hyper", "master"], by: "kept for the state tree" },
    inputs: { names: [], by: "" },
  };
const KEYS: readonly (keyof Document)[] = [
  "name",
  "doc",
  "source",
  "hyper",
  "state",
  "inputs",
  "step",
  "evaluate",
];
/** What the sizes of a state are made of, besides numbers and hyperparameters. */
const SIDES = ["rows", "columns"];
const LONGEST_NOTE = 4096;
const MOST_NAMES = 256;
const interned = new Interned<Program>();

/**
 * Checks a document and returns its program: the same object for equal documents.
 *
 * @example
 * ```ts
 * import { parseProgram, printProgram } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const program = parseProgram({
 *   name: "descent",
 *   hyper: { learningRate: "required" },
 *   step: "u = -learningRate*g",
 * });
 * assert(parseProgram(printProgram(program)) === program);
 * ```
 *
 * @throws {GradusError} if the document is not an optimizer; the message shows where.
 */
export function parseProgram(document: Document): Program {
  const what = describe(document);
  const refuse = (message: string): never => {
    throw new GradusError(`Cannot read ${what}: ${message}`);
  };
  const given = record(document, "an optimizer", refuse);
  for (const key of Object.keys(given)) {
    if (!(KEYS as string[]).includes(key)) {
      refuse(
        `it has no key ${quoted(key)}${
          suggestion(key, KEYS) || `; its keys are ${KEYS.join(", ")}`
        }`,
      );
    }
  }
  if (typeof given.name !== "string" || !/^[A-Za-z][A-Za-z0-9_]{0,4095}$/.test(given.name)) {
    refuse(`\`name\` must be an identifier: given ${shown(given.name)}`);
  }
  for (const key of ["doc", "source"] as const) {
    const note = given[key] ?? "";
    if (typeof note !== "string" || note.length > LONGEST_NOTE) {
      refuse(`\`${key}\` must be text of at most ${LONGEST_NOTE} characters: given ${shown(note)}`);
    }
  }

  const declared = new Map<string, string>(RESERVED);
  const declare = (section: string): [string, unknown][] => {
    const entries = Object.entries(record(given[section] ?? {}, `\`${section}\``, refuse));
    if (entries.length > MOST_NAMES) {
      refuse(`\`${section}\` may have at most ${MOST_NAMES} names: given ${entries.length}`);
    }
    for (const [name] of entries) {
      if (!IDENTIFIER.test(name)) {
        const plain = normalName(name);
        const hint = plain !== name && IDENTIFIER.test(plain) ? `; write \`${plain}\`` : "";
        refuse(`a name in \`${section}\` must be an identifier: given ${shown(name)}${hint}`);
      }
      const meaning = isReserved(name) ? "part of the language" : declared.get(name) ??
        (TAKEN[section].names.includes(name) ? TAKEN[section].by : undefined);
      if (meaning !== undefined) refuse(`\`${name}\` in \`${section}\` is already ${meaning}`);
      declared.set(name, `declared in \`${section}\``);
    }
    return entries;
  };

  const { hyper, domains } = readHyper(declare("hyper"), refuse);
  const inputs = new Map<string, InputKind>();
  for (const [name, value] of declare("inputs")) {
    if (value !== "scalar" && value !== "element") {
      refuse(`input \`${name}\` must be "scalar" or "element": given ${shown(value)}`);
    }
    inputs.set(name, value as InputKind);
  }
  const state = new Map<string, StateDeclaration>();
  for (const [name, value] of declare("state")) {
    state.set(name, stateDeclaration(name, value, hyper, what, refuse));
  }

  const step = given.step;
  if (typeof step !== "string") {
    return refuse(`\`step\` must be the text of its statements: given ${shown(step)}`);
  }
  const scope = new StepScope({ hyper, state, inputs });
  const statements = Object.freeze(parseStatements(step, scope, what));
  if (!scope.isAssigned("u")) {
    refuse("no statement assigns `u`, the update that is added to the parameter");
  }
  const { evaluate } = given;
  if (evaluate !== undefined && typeof evaluate !== "string") {
    refuse(`\`evaluate\` must be the text of an expression: given ${shown(evaluate)}`);
  }
  const program = intern({
    name: given.name as string,
    doc: (given.doc as string) ?? "",
    source: (given.source as string) ?? "",
    hyper,
    domains,
    state,
    inputs,
    statements,
    evaluate: evaluate === undefined ? PARAMETER : parseExpression(
      evaluate as string,
      evaluateScope({ hyper, state }),
      `\`evaluate\` of ${what}`,
      ["evaluate"],
    ),
  });
  checkRates(program, refuse);
  return program;
}

/** Checks declared hyperparameters: their defaults and domains. */
export function readHyper(
  entries: Iterable<readonly [string, unknown]>,
  refuse: (message: string) => never,
): Pick<Program, "hyper" | "domains"> {
  const hyper = new Map<string, number | boolean | "required">();
  const domains = new Map<string, Domain>();
  for (const [name, given] of entries) {
    const whole = isRecord(given) ? given : undefined;
    requireKeys(whole ?? {}, ["default", "domain"], `hyperparameter \`${name}\``, refuse);
    const value = whole === undefined ? given : whole.default;
    const isTruth = typeof value === "boolean";
    const domain = whole === undefined ? ANY_NUMBER : readDomain(whole.domain);
    if (domain === undefined || (whole !== undefined && isTruth)) {
      return refuse(
        `the domain of \`${name}\` must be an interval that holds a number, such as "[0, 1)" or ` +
          `"integer [1, inf)", and is only for numbers: given ${shown(whole!.domain)} for ` +
          shown(value),
      );
    }
    const isNumber = typeof value === "number" && isWithin(domain, value);
    if (!isNumber && !isTruth && value !== required) {
      refuse(
        `the default of \`${name}\` must be ${sayDomain(domain)}, ` +
          `${whole === undefined ? "true, false " : ""}or "required": given ${shown(value)}`,
      );
    }
    if (whole !== undefined) domains.set(name, domain);
    hyper.set(name, value as number | boolean | "required");
  }
  return { hyper, domains };
}

// What no single statement shows: a state must not change more often than it is kept, and a
// reduction needs something to range over.
function checkRates(program: Program, refuse: (message: string) => never): void {
  const graph = elaborate(program);
  const evaluated = elaborate(evaluation(program));
  const rate = rates([graph, evaluated].flatMap(rootsOf), program);
  for (const node of rate.keys()) {
    const reduction = reduceRow(node.op);
    if (reduction !== undefined) requireVarying(reduction.call, node.src[0]);
    if (randomRow(node.op) !== undefined) requireNumbers(randomRow(node.op)!.call, node.src);
    if (matrixRow(node.op) !== undefined) {
      node.src.forEach((operand) => requireMatrix(node, operand));
    }
  }
  for (const { op, node } of [...graph.globals, ...evaluated.globals]) {
    requireVarying(treeName(reduceOps[op].call), node);
  }
  const random = postorder([program.evaluate]).find(({ op }) => randomRow(op) !== undefined);
  if (random !== undefined) {
    refuse(`what to evaluate with must not be random: given \`${sketchExpression(random)}\``);
  }
  for (const [name, { over }] of program.state) {
    const next = rate.get(graph.states.get(name)!)!;
    if (isAtMost(next, overRate(over))) continue;
    const statement = program.statements.findLast(({ target }) => target === name)!;
    refuse(
      `state \`${name}\` is kept over ${
        over === "tensor" || over === "tree" ? `the ${over}` : "axes"
      }, ` +
        `and \`${name} = ${
          sketchExpression(statement.value)
        }\` gives a value per ${next}: reduce it`,
    );
  }

  function requireNumbers(call: string, operands: readonly Node[]): void {
    for (const operand of operands) {
      if (isAtMost(rate.get(operand)!, "step")) continue;
      refuse(
        `\`${call}\` takes a seed and a counter that are one number for all, and ` +
          `\`${sketchExpression(operand)}\` is one per ${rate.get(operand)}`,
      );
    }
  }

  function requireMatrix(node: Node, operand: Node): void {
    const given = rate.get(operand)!;
    if (mayBeMatrix(node, operand, given, program)) return;
    const what = isAtMost(given, "step")
      ? "one number for all"
      : given === "tensor"
      ? "one number a tensor"
      : "one number a row or column";
    refuse(
      `\`${sketchExpression(node)}\` needs matrices, and \`${
        sketchExpression(operand)
      }\` is ${what}`,
    );
  }

  function requireVarying(call: string, operand: Node): void {
    if (isAtMost(rate.get(operand)!, "step")) {
      refuse(
        `\`${call}\` reduces over elements, and \`${
          sketchExpression(operand)
        }\` is one number for all`,
      );
    }
  }
}

/** One object of each program: nodes are told by their numbers, since they are interned themselves. */
function intern(program: Program): Program {
  const { name, doc, source, hyper, domains, state, inputs, statements, evaluate } = program;
  const key = JSON.stringify([
    ...[name, doc, source, evaluate.id],
    // As text, in which every number is its own, -0 among them.
    [...hyper].map(([name, value]) => [
      ...[name, typeof value, Object.is(value, -0) ? "-0" : String(value)],
      domains.get(name)?.text,
    ]),
    [...state].map(([name, declared]) => [
      ...[name, declared.over],
      ...expressionsOf(declared).map(({ id }) => id),
    ]),
    [...inputs],
    statements.map(({ target, value }) => [target, value.id]),
  ]);
  return interned.get(key, () => program);
}

function stateDeclaration(
  name: string,
  value: unknown,
  hyper: Program["hyper"],
  what: string,
  refuse: (message: string) => never,
): StateDeclaration {
  const whole = typeof value === "object" ? record(value, `state \`${name}\``, refuse) : undefined;
  requireKeys(whole ?? {}, ["init", "over", "shape"], `state \`${name}\``, refuse);
  const init = whole === undefined ? value : whole.init ?? 0;
  if (typeof init !== "number" && typeof init !== "string") {
    refuse(
      `the initial value of state \`${name}\` must be a number or an expression: ` +
        `given ${shown(init)}`,
    );
  }
  const hasShape = whole?.shape !== undefined;
  if (hasShape && whole.over !== undefined) {
    refuse(`state \`${name}\` has either \`over\` or a \`shape\` of its own: given both`);
  }
  const sizes = hasShape ? readSizes(whole.shape, name, hyper, what, refuse) : undefined;
  const over = whole?.over ?? (hasShape ? "sizes" : "element");
  const axes = (Array.isArray(over) ? over : [over]).map(axisItem);
  const isList = axes.length > 0 && !axes.includes(undefined);
  if (!hasShape && !isList && over !== "element" && over !== "tensor" && over !== "tree") {
    refuse(
      `\`over\` of state \`${name}\` must be "element", "tensor", "tree" or reduced axes: ` +
        `given ${shown(over)}`,
    );
  }
  const names = { has: (name: string) => hyper.has(name) || (name === "w" && over === "element") };
  const scope: Scope = {
    nameOf: (written, fail) => nameAmong(written, names, fail),
    read(symbol, fail) {
      if (symbol === "w" && over === "element") return "number";
      const kind = hyper.get(symbol);
      if (kind !== undefined && typeof kind !== "boolean") return "number";
      return fail(
        `an initial value is made of hyperparameters${over === "element" ? " and `w`" : ""}: ` +
          `${quoted(symbol)} is none${suggestedName(symbol, hyper.keys())}`,
      );
    },
    assign: (_name, _type, fail) => fail("an initial value assigns nothing"),
  };
  const node = typeof init === "number" ? constant(init) : parseExpression(
    init as string,
    scope,
    `the initial value of state \`${name}\` of ${what}`,
    ["state", name],
  );
  for (const each of postorder([node])) {
    if (randomRow(each.op) !== undefined) {
      refuse(
        `the initial value of state \`${name}\` must not be random: given ` +
          `\`${sketchExpression(each)}\``,
      );
    }
    const isPlace = each.op === "Index";
    if (matrixRow(each.op) !== undefined || isPlace && over !== "element" && !hasShape) {
      refuse(
        `the initial value of state \`${name}\` must be ${
          isPlace ? "a number" : "element-wise"
        }: ` +
          `given \`${sketchExpression(each)}\``,
      );
    }
    if (reduceRow(each.op) === undefined) continue;
    const isOfParameter = postorder(each.src).some(({ op, arg }) => op === "Symbol" && arg === "w");
    if (each.arg === "tree" || !isOfParameter) {
      refuse(
        `the initial value of state \`${name}\` may reduce what is made of \`w\`, over its tensor: ` +
          `given \`${sketchExpression(each)}\``,
      );
    }
  }
  return Object.freeze({
    init: node,
    over: isList ? axes.join() : String(over),
    ...(sizes === undefined ? {} : { sizes }),
  });
}

/** The rows and columns that a state of its own shape has, from a text such as `"rows x min(r, columns)"`. */
function readSizes(
  given: unknown,
  state: string,
  hyper: Program["hyper"],
  what: string,
  refuse: (message: string) => never,
): Sizes<Node> {
  const sides = typeof given === "string" ? given.split(/\s+x\s+|\s*×\s*/) : [];
  if (sides.length !== 2) {
    return refuse(
      `\`shape\` of state \`${state}\` must be rows and columns with an \`x\` between them, such as ` +
        `"rows x rows": given ${shown(given)}`,
    );
  }
  const scope: Scope = {
    nameOf: (written, fail) =>
      nameAmong(written, { has: (name) => hyper.has(name) || SIDES.includes(name) }, fail),
    read(symbol, fail) {
      const kind = hyper.get(symbol);
      if (SIDES.includes(symbol) || kind !== undefined && typeof kind !== "boolean") {
        return "number";
      }
      const hint = symbol === "rank"
        ? "; `rank` is the number of axes: give the hyperparameter another name, such as `r`"
        : suggestedName(symbol, [...SIDES, ...hyper.keys()]);
      return fail(
        `a size is made of \`rows\`, \`columns\`, numbers and hyperparameters: ${
          quoted(symbol)
        } is none${hint}`,
      );
    },
    assign: (_name, _type, fail) => fail("a size assigns nothing"),
  };
  const place = `\`shape\` of state \`${state}\` of ${what}`;
  const [rows, columns] = sides.map((side) => {
    const size = parseExpression(side, scope, place, ["state", state]);
    const other = postorder([size]).find(({ op }) =>
      op !== "Const" && op !== "Symbol" && elementRow(op) === undefined
    );
    if (other === undefined) return size;
    return refuse(
      `a size in \`shape\` of state \`${state}\` must be a number: given ` +
        `\`${sketchExpression(other)}\``,
    );
  });
  return Object.freeze([rows, columns] as const);
}

function describe(document: unknown): string {
  const name = typeof document === "object" && document !== null && "name" in document
    ? document.name
    : undefined;
  return typeof name === "string" && IDENTIFIER.test(name) ? `optimizer "${name}"` : "an optimizer";
}

function record(
  value: unknown,
  what: string,
  refuse: (message: string) => never,
): Record<string, unknown> {
  if (isRecord(value)) return value;
  return refuse(`${what} must be an object of named entries: given ${shown(value)}`);
}

/** Whether a value is an object of named entries: no list, and no date or other thing of its own kind. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

function requireKeys(
  given: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  what: string,
  refuse: (message: string) => never,
): void {
  const other = Object.keys(given).find((key) => !keys.includes(key));
  if (other === undefined) return;
  const all = keys.map((key) => `\`${key}\``);
  refuse(
    `${what} has keys ${all.slice(0, -1).join(", ")} and ${all.at(-1)}: given ${quoted(other)}`,
  );
}
