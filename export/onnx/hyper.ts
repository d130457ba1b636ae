/** What becomes of hyperparameters in a graph: inputs, constants, or expressions of the count. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { constant, foldNodes, type Node, postorder, symbol, withSources } from "../../dsl/node.ts";
import { printExpression } from "../../dsl/print.ts";
import { substitute } from "../../dsl/simplify.ts";
import { carriedNumber } from "../../runtime/carried.ts";
import type { Binding } from "../../runtime/step/binding.ts";
import type { Group } from "../../runtime/step/groups.ts";
import {
  type HyperValue,
  isScheduled,
  type LeafSetting,
} from "../../runtime/trees/hyperparameters.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { initialNumber, isInitialNumber } from "../../runtime/step/initial.ts";
import { below, inputName } from "./metadata.ts";

/** An initial value of a state as metadata carry it. */
type Initial = number | string;

/** A hyperparameter as metadata carry it: texts of what the graph holds, null for its inputs. */
type PartTexts = string | null | { readonly [key: string]: PartTexts } | readonly PartTexts[];

/** The hyperparameters of one exported optimizer. */
export class Hyperparameters {
  /** Each that is an input, by its name there, and what it was bound to. */
  readonly inputs: ReadonlyMap<string, number | string | null>;
  readonly #optimizer: Optimizer;
  readonly #asked: ReadonlySet<string>;
  readonly #doing: string;

  constructor(
    optimizer: Optimizer,
    { groups }: Binding,
    asked: ReadonlySet<string>,
    doing: string,
  ) {
    [this.#optimizer, this.#asked, this.#doing] = [optimizer, asked, doing];
    const inputs = new Map<string, number | string | null>();
    for (const { settings } of groups) {
      for (const [name, setting] of settings) {
        if (this.#isInput(name, setting.value)) {
          inputs.set(inputName(name, setting.position), startOf(setting));
        }
      }
    }
    this.inputs = inputs;
  }

  /** Whether a hyperparameter that is 0 is so for good. */
  isKnown(name: string, { isMasked }: LeafSetting): boolean {
    return isMasked || !this.#asked.has(name);
  }

  /** What stands for a hyperparameter of a group in the graph, or undefined for other symbols. */
  nodeOf(name: string, { settings }: Group): Node | undefined {
    const setting = settings.get(name);
    if (setting === undefined) return undefined;
    const { value, position, isMasked } = setting;
    if (isMasked) return constant(0);
    if (this.#isInput(name, value)) return symbol(inputName(name, position));
    if (typeof value !== "function") return constant(Number(value));
    const { clock = "count" } = this.#optimizer.settings.get(name)!;
    const expression = value.expression!;
    return substitute([expression], (each) => each === "count" ? symbol(clock) : undefined)(
      expression,
    );
  }

  /** Every hyperparameter that is a number, for the metadata. */
  texts(): Record<string, PartTexts> {
    const { settings } = this.#optimizer;
    return Object.fromEntries(
      [...settings].flatMap(([name, { value }]) =>
        typeof value === "boolean" ? [] : [[name, this.#textsOf(name, value)]]
      ),
    );
  }

  #textsOf(name: string, given: HyperValue): PartTexts {
    const positions = new Set<string>();
    const visit = (value: HyperValue, position: string): PartTexts => {
      if (typeof value === "object") {
        if (Array.isArray(value)) {
          return value.map((part, i) => visit(part, below(position, String(i))));
        }
        return Object.fromEntries(
          Object.entries(value).map(([key, part]) => [key, visit(part, below(position, key))]),
        );
      }
      if (positions.has(position)) {
        throw new GradusError(
          `${this.#doing}: paths joined by "/" must differ: ${
            quoted(position)
          } stands for two parts of ` +
            `hyperparameter \`${name}\``,
        );
      }
      positions.add(position);
      if (this.inputs.has(inputName(name, position))) return null;
      if (typeof value === "number") return printExpression(constant(value));
      // A function that no parameter is given has no input either.
      return value.expression === undefined ? "0" : printExpression(value.expression);
    };
    return visit(given, "");
  }

  /** How each state begins, for the metadata: where only some leaves keep it, for each of those. */
  initialStates(
    { layout, groups, groupOf, live }: Binding,
  ): Record<string, Initial | Record<string, Initial>> {
    return Object.fromEntries([...live].map((name) => {
      const isTree = this.#optimizer.program.state.get(name)!.over === "tree";
      if (isTree) return [name, this.#initial(name, groups[0])];
      const keeping = groups.filter((group) => group.live.has(name));
      const values = new Map(keeping.map((group) => [group, this.#initial(name, group)]));
      const [first] = values.values();
      const isSame = [...values.values()].every((value) => value === first);
      if (isSame && keeping.length === groups.length) return [name, first];
      return [
        name,
        Object.fromEntries(
          layout.leaves.flatMap(({ path }, i) => {
            const value = values.get(groupOf[i]);
            return value === undefined ? [] : [[path, value]];
          }),
        ),
      ];
    }));
  }

  /** The state over the tree that a hyperparameter's schedules see, where that is not the count. */
  clocks(): Record<string, string> {
    return Object.fromEntries(
      [...this.#optimizer.settings].flatMap(([name, { value, clock }]) =>
        clock === undefined || !isScheduled(value) ? [] : [[name, clock]]
      ),
    );
  }

  #initial(state: string, { settings }: Group): Initial {
    const { init } = this.#optimizer.program.state.get(state)!;
    const numbers = new Map<string, number>();
    for (const { op, arg } of postorder([init])) {
      if (op !== "Symbol" || arg === "w") continue;
      const name = arg as string;
      const { value, isMasked } = settings.get(name)!;
      const number = isMasked ? 0 : typeof value === "function" ? value(0) : Number(value);
      if (Number.isNaN(number)) {
        throw new GradusError(
          `${this.#doing}: state \`${state}\` begins at a value that needs \`${name}\`, which is no ` +
            `number at count 0`,
        );
      }
      numbers.set(name, number);
    }
    if (isInitialNumber(init)) return carriedNumber(initialNumber(init, numbers));
    // Nothing is folded: what is rounded per element in the library stays so.
    const bound = foldNodes<Node>([init], (node, src) => {
      if (node.op !== "Symbol") return withSources(node, src);
      const number = numbers.get(node.arg as string);
      return number === undefined ? node : constant(number);
    });
    return printExpression(bound.get(init)!);
  }

  #isInput(name: string, value: LeafSetting["value"]): boolean {
    if (typeof value === "boolean") return false;
    return this.#asked.has(name) || (typeof value === "function" && value.expression === undefined);
  }
}

function startOf({ value }: LeafSetting): number | string | null {
  if (typeof value === "function" && value.expression === undefined) return null;
  return carriedNumber(typeof value === "function" ? value(0) : Number(value));
}
