/** A library of expressions, all that are small and differ in what they give. */
import { GradusError, quoted, suggestion } from "../../dsl/errors.ts";
import { requireOptions } from "../../dsl/options.ts";
import { Emitter } from "../machine/emit.ts";
import { type Assembled, Machine } from "../machine/machine.ts";
import { Pack, type Place } from "../machine/pack.ts";
import type { GenomeStatement } from "../programs/genome.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import { called, isElementwise, type Numbers } from "./calls.ts";
import { Known, PROBES } from "./known.ts";
import { operandsOf, type Operation, operationsOf } from "./operations.ts";
import { LIBRARY, type LibraryOptions } from "./options.ts";

/** The functions of a library unless it is told others. */
const FUNCTIONS = [
  ...["abs", "square", "sqrt", "sign", "exp", "log", "tanh"],
  ...["add", "sub", "mul", "div", "max", "min", "interp"],
];

/** Expressions that are tried at a time. */
const CHUNK = 4096;
/**
 * All expressions up to a size, but those that are equal to a smaller one, or one before, on every probe.
 * They are numbered from the smallest on, in an order that only the space and the options decide.
 */
export class Library {
  /** Its options, with defaults. */
  readonly options: Required<LibraryOptions>;
  /** For each expression its size. */
  readonly sizes: number[] = [];
  /** How many expressions were looked at. */
  made = 0;
  readonly #space: Space;
  readonly #operations: readonly Operation[];
  readonly #pack: Pack;
  /** For each expression its operation, -1 for a leaf, and its operands. */
  readonly #operation: number[] = [];
  readonly #operands: (readonly number[])[] = [];
  readonly #first: number;
  #code: Assembled | undefined;

  constructor(space: Space, options: LibraryOptions = {}) {
    requireOptions("Cannot make a library", options, LIBRARY);
    const {
      functions = FUNCTIONS,
      variables = 8,
      constants = [1],
      weights = [0.9],
      size = 4,
      most = 500_000,
    } = options;
    const leaves = variables + constants.length;
    for (const name of options.functions ?? []) {
      const call = space.index.get(name);
      if (call !== undefined && isElementwise(space.functions[call])) continue;
      const known = space.functions.filter(isElementwise).map((each) => each.name);
      throw new GradusError(
        `Cannot make a library: the space has no function ${
          quoted(name)
        } that works on each element` +
          suggestion(name, known),
      );
    }
    if (most < leaves) {
      throw new GradusError(
        `Cannot make a library: \`most\` must be a whole number from ${leaves}, the number of its ` +
          `leaves, to 2000000: given ${most}`,
      );
    }
    this.options = { functions, variables, constants, weights, size, most };
    this.#space = space;
    this.#operations = operationsOf(space, functions, weights);
    this.#pack = new Pack(new Machine(), { lr: Float64Array.of(1), lengths: [PROBES] });
    this.#first = this.#pack.machine.top;
    this.#build(leaves);
  }

  /** How many expressions it has. */
  get length(): number {
    return this.sizes.length;
  }

  /**
   * The values of all expressions, one after the other, where variables have the values given; those of a
   * variable that is not given are NaN.
   */
  bind(variables: readonly ArrayLike<number>[]): Float32Array {
    const { machine } = this.#pack;
    const at = this.#first / 4;
    machine.floats.fill(NaN, at, at + PROBES * this.options.variables);
    variables.forEach((values, i) => machine.floats.set(values, at + i * PROBES));
    this.#code ??= this.#assembled();
    machine.run(this.#code, 0, 1);
    return machine.floats.subarray(at, at + this.length * PROBES);
  }

  /** The values of one expression, where variables have the values given, on any list of numbers. */
  valuesOf(expression: number, variables: readonly Numbers[]): Numbers {
    const operation = this.#operations[this.#operation[expression]];
    if (operation === undefined) {
      const leaf = expression - this.options.variables;
      return leaf >= 0 ? this.options.constants[leaf] : variables[expression] ?? NaN;
    }
    const values = this.#operands[expression].map((each) => this.valuesOf(each, variables));
    return called(this.#space.functions[operation.call], this.#filled(operation, values));
  }

  /** The variables that an expression reads. */
  variablesOf(expression: number): Set<number> {
    if (this.#operation[expression] >= 0) {
      return new Set(this.#operands[expression].flatMap((each) => [...this.variablesOf(each)]));
    }
    return new Set(expression < this.options.variables ? [expression] : []);
  }

  /**
   * The statements of an expression, and what its value is called; variables are called as given, and new
   * ones as `fresh` says.
   */
  statementsOf(
    expression: number,
    variables: readonly string[],
    fresh: () => string,
  ): { readonly statements: GenomeStatement[]; readonly value: string | number } {
    const statements: GenomeStatement[] = [];
    const names = new Map<number, string>();
    const write = (each: number): string | number => {
      const operation = this.#operations[this.#operation[each]];
      if (operation === undefined) {
        const leaf = each - this.options.variables;
        return leaf >= 0 ? this.options.constants[leaf] : variables[each];
      }
      let target = names.get(each);
      if (target === undefined) {
        const args = this.#filled(operation, this.#operands[each].map(write));
        target = fresh();
        statements.push({ target, call: operation.call, args });
        names.set(each, target);
      }
      return target;
    };
    return { statements, value: write(expression) };
  }

  /** Operands in their places, beside the numbers. */
  #filled<T>({ filled }: Operation, operands: readonly T[]): (T | number)[] {
    let next = 0;
    return filled.map((number) => number ?? operands[next++]);
  }

  #place(expression: number): Place {
    return { address: this.#first + 4 * PROBES * expression, step: 0 };
  }

  #emit(emitter: Emitter, operation: Operation, operands: readonly number[], into: Place): void {
    const places = operands.map((each) => ({ place: this.#place(each) }));
    const args = this.#filled<{ place: Place } | number>(operation, places)
      .map((arg) => typeof arg === "number" ? { numbers: Float64Array.of(arg) } : arg);
    const { call } = operation;
    const value = emitter.call(this.#space.functions[call], args, into);
    if (!("place" in value) || value.place !== into) emitter.copy(value, into);
  }

  /** Instructions for all expressions that are no leaves. */
  #assembled(): Assembled {
    const { machine } = this.#pack;
    const emitter = new Emitter(this.#pack);
    machine.top = this.#first + 4 * PROBES * this.length;
    for (let each = 0; each < this.length; each++) {
      const operation = this.#operations[this.#operation[each]];
      if (operation === undefined) continue;
      this.#emit(emitter, operation, this.#operands[each], this.#place(each));
    }
    return machine.assemble(emitter.instructions);
  }

  #build(leaves: number): void {
    const { machine } = this.#pack;
    const { variables, constants, size, most } = this.options;
    const known = new Known();
    machine.take(4 * PROBES * (leaves + CHUNK));
    for (let leaf = 0; leaf < leaves; leaf++) {
      const at = this.#place(leaf).address / 4;
      const random = new Random(1, DRAWS.expressions, leaf);
      for (let i = 0; i < PROBES; i++) {
        machine.floats[at + i] = constants[leaf - variables] ?? random.normal() * 2 ** (i % 5 - 2);
      }
      known.add(machine.floats, at, leaf, (each) => this.#place(each).address / 4);
      this.#push(1, -1, []);
    }
    const firstOf = [0, 0, leaves];
    for (let now = 2; now <= size; now++) {
      let chunk: [number: number, operands: readonly number[]][] = [];
      for (const [number, operation] of this.#operations.entries()) {
        for (const operands of operandsOf(operation, now - 1, firstOf)) {
          chunk.push([number, operands]);
          if (chunk.length === CHUNK) {
            this.#admit(chunk, now, known);
            chunk = [];
            if (this.length === most) return;
          }
        }
      }
      this.#admit(chunk, now, known);
      if (this.length === most) return;
      firstOf.push(this.length);
    }
  }

  #push(size: number, operation: number, operands: readonly number[]): void {
    this.sizes.push(size);
    this.#operation.push(operation);
    this.#operands.push(operands);
  }

  /** Takes those of some expressions that are none that is known. */
  #admit(
    chunk: readonly (readonly [number: number, operands: readonly number[]])[],
    size: number,
    known: Known,
  ): void {
    const { machine } = this.#pack;
    this.made += chunk.length;
    // All of the chunk might be kept, and it is evaluated behind that.
    const behind = this.length + chunk.length;
    machine.top = this.#first;
    machine.take(4 * PROBES * (behind + chunk.length));
    const emitter = new Emitter(this.#pack);
    chunk.forEach(([number, operands], i) =>
      this.#emit(emitter, this.#operations[number], operands, this.#place(behind + i))
    );
    machine.run(machine.assemble(emitter.instructions), 0, 1);
    const { floats } = machine;
    for (let i = 0; i < chunk.length && this.length < this.options.most; i++) {
      const from = this.#place(behind + i).address / 4;
      const to = this.#place(this.length).address / 4;
      if (!known.add(floats, from, this.length, (each) => this.#place(each).address / 4)) continue;
      floats.copyWithin(to, from, from + PROBES);
      this.#push(size, ...chunk[i]);
    }
  }
}

const libraries = new Map<string, Library>();

/** The library of a space, built once: spaces of the same functions have the same. */
export function libraryOf(space: Space, options: LibraryOptions): Library {
  const key = JSON.stringify([space.options.functions, options]);
  let library = libraries.get(key);
  if (library === undefined) libraries.set(key, library = new Library(space, options));
  return library;
}
