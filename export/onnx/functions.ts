/** Bodies as local functions of a model, or written out at each place they are called. */
import type { Body, Made } from "./body.ts";
import { Names } from "./names.ts";
import type { Given } from "./scope.ts";
import { call, type FunctionInit, type NodeInit } from "./proto.ts";

/** What stands for the inputs and outputs of a body where it is called. */
export interface Actual {
  /** The place in the tree, by which values are told apart. */
  readonly path: string;
  given(given: Given): string;
  made(made: Made, name: string): string;
}

/** The functions of a model, each once. */
export class Functions {
  readonly #names: Names;
  readonly #known = new Map<string, FunctionInit>();
  readonly #keys = new Map<Body, string>();
  readonly #isInline: boolean;
  readonly #functionNames = new Names();

  /** `names` are those of the graph's values. */
  constructor(names: Names, isInline: boolean) {
    [this.#names, this.#isInline] = [names, isInline];
  }

  get all(): readonly FunctionInit[] {
    return [...this.#known.values()];
  }

  /** The nodes that do at one place what `body` does; `name` is what to call the function. */
  place(body: Body, name: string, doc: string, actual: Actual): NodeInit[] {
    if (body.outputs.length === 0) return [];
    const inputs = body.inputs.map(([, given]) => actual.given(given));
    const outputs = body.outputs.map(([own, made]) => actual.made(made, own));
    if (this.#isInline) return this.#inline(body, inputs, outputs, actual.path);
    const { name: own } = this.#function(body, name, doc);
    return [call(own, inputs, outputs, actual.path === "" ? own : `${own}/${actual.path}`)];
  }

  #function(body: Body, name: string, doc: string): FunctionInit {
    let key = this.#keys.get(body);
    if (key === undefined) {
      const parts = [
        body.inputs.map(([each]) => each),
        body.outputs.map(([each]) => each),
        body.nodes,
      ];
      key = JSON.stringify(parts, (_, value) => typeof value === "bigint" ? Number(value) : value);
      this.#keys.set(body, key);
    }
    if (!this.#known.has(key)) {
      this.#known.set(key, {
        name: this.#functionNames.fresh(name),
        input: body.inputs.map(([each]) => each),
        output: body.outputs.map(([each]) => each),
        node: [...body.nodes],
        docString: doc,
      });
    }
    return this.#known.get(key)!;
  }

  #inline(
    body: Body,
    inputs: readonly string[],
    outputs: readonly string[],
    path: string,
  ): NodeInit[] {
    const actual = new Map([
      ...body.inputs.map(([name], i) => [name, inputs[i]] as const),
      ...body.outputs.map(([name], i) => [name, outputs[i]] as const),
    ]);
    const named = (name: string): string => {
      if (!actual.has(name)) {
        actual.set(name, this.#names.fresh(path === "" ? name : `${name}/${path}`));
      }
      return actual.get(name)!;
    };
    return body.nodes.map((each) => {
      const output = each.output!.map(named);
      return { ...each, input: each.input!.map(named), output, name: output[0] };
    });
  }
}
