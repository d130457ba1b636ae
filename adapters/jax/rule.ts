/** What jax-js can be told of an optimizer: which of its hyperparameters are arrays, and what is refused. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { elaborate, rootsOf, specialise } from "../../dsl/graph.ts";
import { apply, constant, type Node, postorder, symbol } from "../../dsl/node.ts";
import { randomRow } from "../../dsl/ops.ts";
import { suggestedName } from "../../dsl/other_names.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { substitute } from "../../dsl/simplify.ts";
import { type Configured, requireNoOracle } from "../../runtime/step/rule.ts";
import type { Group } from "../../runtime/step/groups.ts";
import { structuralOf } from "../../runtime/step/structural.ts";
import { type HyperValue, isScheduled, type Setting } from "../../runtime/trees/hyperparameters.ts";
import { spellStored } from "../../runtime/trees/stored.ts";

/** An optimizer whose numbers are formed in a graph. */
export class GraphRule {
  readonly program: Configured["program"];
  /** The hyperparameters; those that a state carries are none that is 0 for good. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** The hyperparameters that a state carries, and what they begin at. */
  readonly carried: ReadonlyMap<string, number>;

  constructor(configured: Configured, asked: readonly string[], doing: string) {
    requireNoOracle(configured, doing);
    const { program, settings, storage } = configured;
    this.program = program;
    this.carried = new Map(
      asked.map((name) => [name, requireNumber(name, settings.get(name), settings.keys(), doing)]),
    );
    this.settings = new Map(
      [...settings].map(([name, setting]) => {
        const begin = this.carried.get(name);
        return [name, begin === undefined ? setting : { ...setting, value: () => begin }];
      }),
    );
    for (const [name, { value }] of settings) {
      if (typeof value !== "boolean") requireExpressions(name, value, doing);
    }
    for (const [name, stored] of storage) {
      if (stored === "float32") continue;
      throw new GradusError(
        `${doing}: every state must be stored as float32: given ${
          spellStored(stored)
        } for \`${name}\``,
      );
    }
    this.#requireNoDraws(doing);
  }

  /** What stands in the graph of a group for a symbol; `ago` is 1 for the numbers of the last step. */
  bind(name: string, group: Group, ago: 0 | 1): Node | undefined {
    const given = group.settings.get(name);
    if (given === undefined || this.carried.has(name)) return undefined;
    const { value, isMasked } = given;
    if (isMasked) return constant(0);
    if (typeof value !== "function") return constant(Number(value));
    const { clock } = this.settings.get(name)!;
    const count = clock === undefined ? symbol("count") : clockAt(clock, ago);
    const expression = value.expression!;
    return substitute([expression], (each) => each === "count" ? count : undefined)(expression);
  }

  /** Refuses a program that draws random numbers where no hyperparameter takes that out. */
  #requireNoDraws(doing: string): void {
    const known = new Map(
      [...this.settings].flatMap(([name, { value, mask }]) => {
        const isFixed = mask === undefined && (typeof value === "boolean" || value === 0);
        return isFixed ? [[name, { part: 0, position: "", value, isMasked: false }] as const] : [];
      }),
    );
    const graph = specialise(elaborate(this.program), structuralOf(known));
    const drawn = postorder(rootsOf(graph)).find(({ op }) => randomRow(op) !== undefined);
    if (drawn === undefined) return;
    throw new GradusError(
      `${doing}: no operation of jax-js draws the random numbers of ` +
        `\`${
          sketchExpression(drawn)
        }\`: step by Gradus itself, with \`fromJaxTree\` and \`toJaxTree\``,
    );
  }
}

/** What a schedule sees: its clock as it stands, or as it stood one step ago. */
function clockAt(clock: string, ago: 0 | 1): Node {
  if (ago === 0) return symbol(clock);
  return apply("Max", apply("Sub", symbol(clock), constant(1)), constant(0));
}

/** The number of a hyperparameter that a state is to carry. */
function requireNumber(
  name: string,
  setting: Setting | undefined,
  names: Iterable<string>,
  doing: string,
): number {
  if (setting === undefined) {
    throw new GradusError(
      `${doing}: there is no hyperparameter ${quoted(name)}${suggestedName(name, names)}`,
    );
  }
  if (typeof setting.value === "number") return setting.value;
  throw new GradusError(
    `${doing}: hyperparameter \`${name}\` must be one number, so that a state can carry it: given ` +
      (isScheduled(setting.value) ? "a schedule" : shown(setting.value)),
  );
}

/** Refuses functions, which a graph cannot call. */
function requireExpressions(name: string, value: HyperValue, doing: string): void {
  if (typeof value === "number") return;
  if (typeof value === "object") {
    return Object.values(value).forEach((each) => requireExpressions(name, each, doing));
  }
  if (value.expression !== undefined) return;
  throw new GradusError(
    `${doing}: hyperparameter \`${name}\` must be a number or a schedule with an expression, such as ` +
      `\`schedule("0.1/sqrt(t)")\`, which is computed in the graph: given a function`,
  );
}
