/** Reads what an exported model says of itself, and refuses what `toOnnx` did not write. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { parseJson } from "../../dsl/json.ts";
import { constant, type Node } from "../../dsl/node.ts";
import { parseExpression } from "../../dsl/parse.ts";
import type { Program } from "../../dsl/program.ts";
import { schedule } from "../../dsl/schedules/mod.ts";
import { type StateStorage, storageWith } from "../../runtime/trees/state_storage.ts";
import { SCALES } from "../onnx/blocks.ts";
import { below, inputName, JOINED, METADATA } from "../onnx/metadata.ts";
import type { ReadModel } from "../onnx/proto.ts";
import { attempt, parseRecord, readWritten, refuse, requireUnchanged } from "../onnx/read.ts";
import { type DimensionNumbers, isMatrices } from "../../runtime/trees/view.ts";
import { type HostExpressions, parseHost } from "./host.ts";
import { Part, type Parts, partsOf } from "./hyper.ts";

/** How a state begins: alike everywhere, or by the paths of parameters. */
export type Initial = Node | ReadonlyMap<string, Node>;

/** An exported optimizer as its bytes describe it. */
export interface ReadOptimizer {
  readonly model: ReadModel;
  readonly program: Program;
  readonly initial: ReadonlyMap<string, Initial>;
  readonly hyper: ReadonlyMap<string, Parts>;
  /** The state over the tree that a hyperparameter's schedules see, where that is not the count. */
  readonly clocks: ReadonlyMap<string, string>;
  /** What is computed outside the graph. */
  readonly host: HostExpressions;
  /** The states that are stored in blocks. */
  readonly blocks: StateStorage;
  /** How some parameters are seen as matrices, by their paths. */
  readonly matrices: ReadonlyMap<string, DimensionNumbers>;
}

const DEEPEST = 100;

/** Reads the bytes of a model. */
export function readOptimizer(bytes: Uint8Array): ReadOptimizer {
  const doing = "Cannot load an optimizer";
  return optimizerOf(readWritten(bytes, doing), doing);
}

/** What of a step is one number, by the names of its inputs. */
export function numbersIn({ model, program, initial }: ReadOptimizer): Set<string> {
  const trees = [
    ...["w", "g"],
    ...[...initial.keys()].filter((name) => program.state.get(name)!.over !== "tree"),
    ...[...program.inputs].flatMap(([name, kind]) => kind === "scalar" ? [] : [name]),
  ];
  const isTree = (name: string) =>
    trees.some((t) => name === t || name.startsWith(`${t}/`) || name === t + SCALES);
  const names = [...model.inputs, ...model.outputs].map(({ name }) => name.replace(/^next\//, ""));
  return new Set(names.filter((name) => !isTree(name)));
}

/** What a model says of its step. */
export function optimizerOf(model: ReadModel, doing: string): ReadOptimizer {
  const read = <T>(key: keyof typeof METADATA, parse: (text: string) => T): T =>
    attempt(key, () => parse(model.metadata[METADATA[key]]), doing);
  const program = read("program", parseJson);
  const initial = read("state", parseStates);
  const starts = read("inputs", parseInputs);
  const hyper = read("hyper", (text) => parseHyper(text, program, starts));
  const clocks = read("clocks", (text) => parseClocks(text, program));
  const matrices = read("layout", parseTree);
  const host = read("host", (text) => parseHost(text, program, new Set(starts.keys())));
  const isWhole = host.size === 0 && model.inputs.some(({ name }) => name === "count");
  const outside = isWhole ? [] : [...starts.keys(), ...program.inputs.keys(), "count"];
  const isOutside = (name: string) => outside.includes(name) || host.has(`next/${name}`);
  requireValues(
    model,
    initial,
    [...starts.keys()],
    program,
    isOutside,
    (reason) => refuse(doing, reason),
  );
  for (const { name } of model.inputs) {
    if (!name.startsWith("step/") || program.state.has("step") || host.has(name)) continue;
    refuse(doing, `\`${METADATA.host}\` does not tell ${quoted(name)}`);
  }
  requireUnchanged(model, doing);
  return {
    model,
    program,
    initial,
    hyper,
    clocks,
    host,
    matrices,
    blocks: blocksIn(model, program, doing),
  };
}

/** The states that have codes, which the metadata tell how they are stored. */
function blocksIn({ inputs, metadata }: ReadModel, program: Program, doing: string): StateStorage {
  const codes = inputs.filter(({ type }) => type === "uint8").map(({ name }) => name.split("/")[0]);
  const stored = codes.length === 0
    ? {}
    : attempt("program", () => JSON.parse(metadata[JOINED.storage]), doing);
  const all = storageWith(program, new Map(), { storage: stored }, doing);
  return new Map([...all].filter(([name]) => codes.includes(name)));
}

function parseStates(text: string): Map<string, Initial> {
  return new Map(
    parseRecord(text).map(([name, value]): [string, Initial] => {
      if (typeof value !== "object" || value === null) return [name, initialValue(value, name)];
      const values = Object.entries(value);
      return [name, new Map(values.map(([path, each]) => [path, initialValue(each, name)]))];
    }),
  );
}

function initialValue(value: unknown, name: string): Node {
  if (typeof value === "number") return constant(value);
  if (typeof value !== "string") {
    throw new GradusError(`state ${quoted(name)} begins at ${shown(value)}`);
  }
  return parseExpression(value, {
    read: (symbol, fail) => symbol === "w" ? "number" : fail(`there is no symbol \`${symbol}\``),
    assign: (_name, _type, fail) => fail("an initial value assigns nothing"),
  }, `the initial value of state \`${name}\``);
}

/** How parameters are seen; refuses a graph of one vector, which is run with arrays and not with trees. */
function parseTree(text: string): Map<string, DimensionNumbers> {
  const seen: (readonly [string, DimensionNumbers])[] = [];
  for (const [key, value] of parseRecord(text)) {
    if (key === "matrices" && typeof value === "object" && value !== null) {
      seen.push(
        ...Object.entries(value).map(([path, axes]) => {
          if (isMatrices(axes) && typeof axes !== "string") return [path, axes] as const;
          throw new GradusError(`matrices of ${quoted(path)} are ${shown(axes)}`);
        }),
      );
      continue;
    }
    throw new GradusError(
      key === "leaves"
        ? "a graph of one vector is run as it is, and this takes parameters as a tree"
        : `it has no ${quoted(key)}`,
    );
  }
  return new Map(seen);
}

function parseClocks(text: string, program: Program): Map<string, string> {
  return new Map(
    parseRecord(text).map(([name, clock]) => {
      if (typeof clock === "string" && program.state.get(clock)?.over === "tree") {
        return [name, clock];
      }
      throw new GradusError(`${quoted(name)} follows ${shown(clock)}`);
    }),
  );
}

function parseInputs(text: string): Map<string, number | null> {
  return new Map(
    parseRecord(text).map(([name, value]) => {
      if (typeof value === "number" || value === null) return [name, value];
      if (typeof value === "string") return [name, schedule(value)(0)];
      throw new GradusError(`input ${quoted(name)} is ${shown(value)}`);
    }),
  );
}

function parseHyper(
  text: string,
  program: Program,
  starts: ReadonlyMap<string, number | null>,
): Map<string, Parts> {
  const read = (value: unknown, name: string, position: string, depth: number): Parts => {
    const input = inputName(name, position);
    if (value === null) {
      const start = starts.get(input);
      if (start === undefined) throw new GradusError(`${quoted(input)} is no input`);
      return new Part(input.slice("hyper/".length), start, "an input");
    }
    if (typeof value === "string") {
      const held = schedule(value);
      const isNumber = held.expression!.op === "Const";
      return new Part(undefined, isNumber ? held(0) : held, value);
    }
    if (typeof value !== "object" || depth > DEEPEST) {
      throw new GradusError(`${quoted(input)} is ${shown(value)}`);
    }
    const parts = Object.entries(value).map(([key, part]) =>
      [key, read(part, name, below(position, key), depth + 1)] as const
    );
    return Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
  };
  const hyper = new Map(parseRecord(text).map(([name, value]) => [name, read(value, name, "", 0)]));
  for (const name of hyper.keys()) {
    if (!program.hyper.has(name)) throw new GradusError(`there is no ${quoted(name)}`);
  }
  for (const [name, fallback] of program.hyper) {
    if (typeof fallback !== "boolean" && !hyper.has(name)) {
      throw new GradusError(`${quoted(name)} is missing`);
    }
  }
  const found = new Set([...hyper.values()].flatMap(partsOf).map(({ input }) => input));
  for (const name of starts.keys()) {
    if (!found.has(name.slice("hyper/".length))) {
      throw new GradusError(`${quoted(name)} is missing`);
    }
  }
  return hyper;
}

/** Refuses a graph whose inputs and outputs are not those of a step. */
function requireValues(
  { inputs, outputs }: ReadModel,
  initial: ReadonlyMap<string, Initial>,
  hyper: readonly string[],
  program: Program,
  isOutside: (name: string) => boolean,
  refuse: (reason: string) => never,
): void {
  const [given, made] = [inputs, outputs].map((values) => new Set(values.map(({ name }) => name)));
  const paths = suffixesOf(inputs);
  if (paths.length === 0) refuse("given a graph without parameters");
  const states = [...initial].flatMap(([name, init]) => {
    const state = program.state.get(name);
    if (state === undefined) return refuse(`\`${METADATA.state}\` has no state \`${name}\``);
    if (state.over === "tree") {
      return init instanceof Map ? refuse(`state \`${name}\` is a tree`) : [name];
    }
    if (!(init instanceof Map)) return paths.map((path) => name + path);
    // Which of the parameters keep it is told by the graph and by the metadata alike.
    const kept = paths.filter((path) => init.has(path.slice(1)) || given.has(name + path));
    const missing = kept.find((path) => !init.has(path.slice(1)));
    if (missing !== undefined) {
      refuse(`\`${METADATA.state}\` has no ${quoted(missing.slice(1))} of state \`${name}\``);
    }
    return kept.map((path) => name + path);
  });
  const carried = [...paths.map((path) => `w${path}`), ...states, "count"];
  const further = [...program.inputs].flatMap(([name, kind]) =>
    kind === "scalar" ? [name] : paths.map((path) => name + path)
  );
  for (const name of [...carried, ...paths.map((path) => `g${path}`), ...hyper, ...further]) {
    if (!given.has(name) && !isOutside(name)) {
      refuse(`given a graph without the input ${quoted(name)}`);
    }
  }
  for (const name of carried) {
    if (made.has(`next/${name}`) || isOutside(name)) continue;
    refuse(`given a graph without the output ${quoted(`next/${name}`)}`);
  }
}

/** What follows the name in the inputs of a tree: paths with their slash, or nothing. */
function suffixesOf(inputs: ReadModel["inputs"]): string[] {
  return inputs.flatMap(({ name }) => /^w(?:\/|$)/.test(name) ? [name.slice(1)] : []);
}
