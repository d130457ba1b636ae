/**
 * Random programs, correct by construction. What fast-check draws and shrinks is a sketch, plain
 * trees of numbers; any sketch decodes to a program.
 */
import fc from "fast-check";
import { axisDocuments, fewestAxes, isAxes } from "../../dsl/axes.ts";
import type { ElementOpName, Node } from "../../dsl/node.ts";
import { elementOps } from "../../dsl/ops.ts";
import type { Document, StateDocument, Statement, StateOver } from "../../dsl/program.ts";
import { anyNumber } from "../any_number.ts";
import { decode, describe, extentOf, type Known, type Language, type Sketch } from "./decode.ts";
import { spellOut, spellOutStatements } from "./spell_out.ts";

/** A document and what its text must be read as. */
export interface Generated {
  /** Its step has every parenthesis there can be, so that it does not rest on binding strengths. */
  readonly document: Document;
  readonly statements: readonly Statement[];
  readonly inits: ReadonlyMap<string, Node>;
  /** How a failing test shows it: by its document, from which the rest follows. */
  readonly [fc.toStringMethod]: () => string;
}

/** What a program may contain. */
export interface GenerateOptions {
  /** The fewest axes a parameter will have, and so which axes may be reduced. Default 3. */
  readonly rank?: number;
  /** Whether it may draw random numbers. Default false. */
  readonly draws?: boolean;
  /** Whether there may be products and transposes, which only a parameter of a fitting shape has. */
  readonly hasMatrices?: boolean;
}

/** Programs of every op. */
export function anyProgram(options: GenerateOptions = {}): fc.Arbitrary<Generated> {
  return programs(Object.keys(elementOps) as ElementOpName[], options);
}

/** Programs of those ops that every backend must compute bit for bit. */
export function exactProgram(options: GenerateOptions = {}): fc.Arbitrary<Generated> {
  const names = Object.keys(elementOps) as ElementOpName[];
  return programs(names.filter((name) => elementOps[name].ulp === 0), options);
}

// Names that are awkward somewhere: in YAML, in JavaScript, in LaTeX or to a lexer.
const HYPERS = ["learningRate", "b1", "weightDecay", "λ", "eps", "k_2", "null", "e5", "valueOf"];
const STATES = ["m", "v", "μ", "trace_1", "yes", "toString"];
const INPUTS = ["value", "loss", "ε"];
const LOCALS = ["c", "mhat", "θ", "x", "ν_2", "no", "constructor"];
const AXES = [
  ...["0", "-1", "1", "0,1", "-2", "1,0", "0,-1", "0,0", "2", "0,2", "-1,1", "1:", ":-1", ":1,2:"],
  ...["largest", "secondLargest", "-2:-1", ":", "0,1:2", "secondLargest,largest", "1:1"],
];

interface ProgramSketch {
  readonly name: string;
  readonly doc: string;
  readonly source: string;
  readonly hyper: readonly { name: string; value: number | boolean | "required" }[];
  readonly inputs: readonly string[];
  readonly state: readonly { name: string; over: number; form: number; init: Sketch }[];
  readonly steps: readonly { target: number; isTruth: boolean; value: Sketch }[];
  readonly update: Sketch;
}

const pick = fc.nat(1_000);
const noNumber = fc.constant(undefined);
const someNumber = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(1, 2, 0.5, -1, 0, -0, 0.1, 1e-8, 10, Math.PI) },
  { weight: 2, arbitrary: anyNumber },
  { weight: 1, arbitrary: fc.constant(NaN) },
);

const { sketch } = fc.letrec<{ sketch: Sketch }>((tie) => {
  const inner = (count: number): fc.Arbitrary<Sketch> =>
    fc.record({
      pick,
      number: noNumber,
      parts: fc.tuple(...Array.from({ length: count }, () => tie("sketch"))),
    });
  const leaf = (number: fc.Arbitrary<number | undefined>): fc.Arbitrary<Sketch> =>
    fc.record({ pick, number, parts: fc.constant([]) });
  return {
    sketch: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      { weight: 4, arbitrary: leaf(noNumber) },
      { weight: 1, arbitrary: leaf(someNumber) },
      { weight: 4, arbitrary: inner(1) },
      { weight: 8, arbitrary: inner(2) },
      { weight: 1, arbitrary: inner(3) },
    ),
  };
});

const note = fc.oneof(fc.constant(""), fc.string({ unit: "binary", maxLength: 30 }));
const hyperValue = fc.oneof(
  { weight: 3, arbitrary: anyNumber },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constant("required" as const) },
);
const programSketch: fc.Arbitrary<ProgramSketch> = fc.record({
  name: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/),
  doc: note,
  source: note,
  hyper: fc.uniqueArray(fc.record({ name: fc.constantFrom(...HYPERS), value: hyperValue }), {
    selector: ({ name }) => name,
    maxLength: 4,
  }),
  inputs: fc.uniqueArray(fc.constantFrom(...INPUTS), { maxLength: 2 }),
  state: fc.uniqueArray(
    fc.record({ name: fc.constantFrom(...STATES), over: pick, form: pick, init: sketch }),
    { selector: ({ name }) => name, maxLength: 3 },
  ),
  steps: fc.array(fc.record({ target: pick, isTruth: fc.boolean(), value: sketch }), {
    maxLength: 6,
  }),
  update: sketch,
});

function programs(
  ops: readonly ElementOpName[],
  { rank = 3, draws = false, hasMatrices = false }: GenerateOptions,
): fc.Arbitrary<Generated> {
  const axes = AXES.filter((over) => Math.max(1, fewestAxes(over)) <= rank);
  const language = { draws, hasMatrices };
  return programSketch.map((sketch) => decodeProgram(sketch, ops, axes, language));
}

function decodeProgram(
  sketch: ProgramSketch,
  ops: readonly ElementOpName[],
  axes: readonly string[],
  has: Pick<Language, "draws" | "hasMatrices">,
): Generated {
  const known = new Map<string, Known>();
  for (const name of ["t", "count", ...sketch.inputs]) {
    known.set(name, { type: "number", extent: "step", varies: false });
  }
  for (const { name, value } of sketch.hyper) {
    const type = typeof value === "boolean" ? "truth" : "number";
    known.set(name, { type, extent: "step", varies: false });
  }
  const parameter: Known = { type: "number", extent: "element", varies: true };
  const hypers = [...known].filter(([name, { type }]) =>
    type === "number" && sketch.hyper.some((hyper) => hyper.name === name)
  );
  known.set("w", parameter).set("g", parameter);

  // As often an element's own as not.
  const overs = [...["tensor", "tree", ...axes].map(() => "element"), "tensor", "tree", ...axes];
  const mosts = new Map<string, Known>();
  const inits = new Map<string, Node>();
  const state = sketch.state.map(({ name, over, form, init }): [string, StateDocument] => {
    const extent = overs[over % overs.length];
    const isElement = extent === "element";
    const node = decode(
      init,
      "number",
      isElement ? "element" : "step",
      new Map(isElement ? [["w", parameter], ...hypers] : hypers),
      { ops, overs: isElement ? ["tensor", ...axes] : [], hasMatrices: false },
    );
    inits.set(name, node);
    mosts.set(name, { type: "number", extent: extentOf(extent), varies: extent !== "tree" });
    return [name, stateDocument(node, extent, form)];
  });
  mosts.forEach((its, name) => known.set(name, its));

  const language: Language = { ops, ...has, overs: ["tensor", "tree", ...axes] };
  const targets = ["u", "g", ...mosts.keys(), ...LOCALS];
  const statements = [...sketch.steps, { target: 0, isTruth: false, value: sketch.update }].map(
    ({ target: chosen, isTruth, value }): Statement => {
      const target = targets[chosen % targets.length];
      const type = isTruth && LOCALS.includes(target) ? "truth" : "number";
      const most = mosts.get(target)?.extent ?? "element";
      const node = decode(value, type, most, known, language);
      known.set(target, describe(node, known));
      return { target, value: node };
    },
  );
  const { name, doc, source } = sketch;
  const document: Document = {
    name,
    doc,
    source,
    hyper: Object.fromEntries(sketch.hyper.map(({ name, value }) => [name, value])),
    inputs: Object.fromEntries(sketch.inputs.map((name) => [name, "scalar" as const])),
    state: Object.fromEntries(state),
    step: spellOutStatements(statements),
  };
  return { document, statements, inits, [fc.toStringMethod]: () => fc.stringify(document) };
}

// A state in one of the forms that a document may give it.
function stateDocument(init: Node, extent: string, form: number): StateDocument {
  const isNumber = init.op === "Const" && form % 2 === 0;
  const value = isNumber ? init.arg as number : spellOut(init);
  if (extent === "element" && form % 3 > 0) return value;
  const axes = axisDocuments(extent);
  const over = !isAxes(extent) ? extent : axes.length > 1 || form % 3 > 0 ? axes : axes[0];
  return {
    ...(Object.is(value, 0) && form % 5 > 2 ? {} : { init: value }),
    over: over as StateOver,
  };
}
