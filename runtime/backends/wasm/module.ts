/** Writes a WebAssembly module of functions: bytes for the engine, and the same as text for a reader. */
import type { Code, FunctionType } from "./code.ts";
import { joined, name, section, TYPE_BYTES, unsigned, vector } from "./encoding.ts";
import type { ValueType } from "./instructions.ts";

/** The memory that a module imports, as `env.memory`; sizes in pages of 64 KiB. */
export interface MemoryImport {
  readonly shared: boolean;
  readonly initial: number;
  readonly maximum: number;
}

/** A module: every function is exported under its name. */
export class Module {
  readonly #memory: MemoryImport;
  readonly #imports: readonly FunctionType[];
  readonly #functions: Code[] = [];

  constructor(memory: MemoryImport, imports: readonly FunctionType[] = []) {
    [this.#memory, this.#imports] = [memory, imports];
  }

  /** Adds a function; returns its index for calls. */
  add(code: Code): number {
    return this.#imports.length + this.#functions.push(code) - 1;
  }

  /** The body of the function with this index, unless it is imported. */
  code(index: number): Code | undefined {
    return this.#functions[index - this.#imports.length];
  }

  /** The module for the engine. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { types, indexOf } = this.#types();
    const { shared, initial, maximum } = this.#memory;
    const imports = [
      [
        ...name("env"),
        ...name("memory"),
        0x02,
        shared ? 3 : 1,
        ...unsigned(initial),
        ...unsigned(maximum),
      ],
      ...this.#imports.map((each) => [
        ...name("env"),
        ...name(each.name),
        0x00,
        ...unsigned(indexOf(each)),
      ]),
    ];
    const functions = this.#functions.map(({ type }) => unsigned(indexOf(type)));
    const exports = this.#functions.map(({ type }, i) => [
      ...name(type.name),
      0x00,
      ...unsigned(this.#imports.length + i),
    ]);
    const encoded = types.map(({ params, results }) => [
      0x60,
      ...vector(params.map((type) => [TYPE_BYTES[type]])),
      ...vector(results.map((type) => [TYPE_BYTES[type]])),
    ]);
    return joined([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, encoded),
      section(2, imports),
      section(3, functions),
      section(7, exports),
      section(10, this.#functions.map((code) => code.bytes())),
    ]);
  }

  /** The module as WebAssembly text. */
  text(): string {
    const { types } = this.#types();
    const list = (kind: string, given: readonly ValueType[]) =>
      given.length === 0 ? "" : ` (${kind} ${given.join(" ")})`;
    const signature = ({ params, results }: FunctionType) =>
      list("param", params) + list("result", results);
    const { shared, initial, maximum } = this.#memory;
    return [
      "(module",
      ...types.map((type) => `  (type (func${signature(type)}))`),
      `  (import "env" "memory" (memory ${initial} ${maximum}${shared ? " shared" : ""}))`,
      ...this.#imports.map((each) =>
        `  (import "env" "${each.name}" (func $${each.name}${signature(each)}))`
      ),
      ...this.#functions.map((code) => code.text()),
      ...this.#functions.map(({ type }) => `  (export "${type.name}" (func $${type.name}))`),
      ")",
    ].join("\n");
  }

  #types(): { types: FunctionType[]; indexOf(type: FunctionType): number } {
    const key = ({ params, results }: FunctionType) => `${params}->${results}`;
    const types = new Map<string, FunctionType>();
    for (const type of [...this.#imports, ...this.#functions.map((code) => code.type)]) {
      if (!types.has(key(type))) types.set(key(type), type);
    }
    const order = [...types.keys()];
    return { types: [...types.values()], indexOf: (type) => order.indexOf(key(type)) };
  }
}
