/** Checks a document into the program it stands for. */
import { ANY_NUMBER, type Domain, isWithin, readDomain, sayDomain } from "./domain.ts";
import { checkRates } from "./check_rates.ts";
import { stateDeclaration } from "./check_state.ts";
import { GradusError, quoted, shown, suggestion } from "./errors.ts";
import { Interned } from "./intern.ts";
import { IDENTIFIER, normalName } from "./names.ts";
import { PARAMETER } from "./node.ts";
import { parseExpression, parseStatements } from "./parse.ts";
import {
  type Document,
  expressionsOf,
  type InputKind,
  type Program,
  required,
  type StateDeclaration,
} from "./program.ts";
import { readOnly } from "./read_only.ts";
import { isRecord, record, requireKeys } from "./record.ts";
import { evaluateScope, RESERVED, StepScope } from "./scope.ts";
import { isReserved } from "./words.ts";

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
  return interned.get(key, () => {
    for (const map of [hyper, domains, state, inputs]) readOnly(map, `optimizer "${name}"`);
    return program;
  });
}

function describe(document: unknown): string {
  const name = typeof document === "object" && document !== null && "name" in document
    ? document.name
    : undefined;
  return typeof name === "string" && IDENTIFIER.test(name) ? `optimizer "${name}"` : "an optimizer";
}
