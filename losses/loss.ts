/** What a loss is: an expression of the language, whose gradient follows from it. */
import { differentiate } from "../dsl/differentiate.ts";
import { GradusError } from "../dsl/errors.ts";
import { parseProgram } from "../dsl/check.ts";
import { printExpression } from "../dsl/print.ts";
import type { Document } from "../dsl/program.ts";
import { optimizer } from "../runtime/define.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import { ownOptions } from "../runtime/options.ts";
import { asLeaf } from "../runtime/trees/leaf.ts";
import type { Tensor } from "../runtime/trees/leaf.ts";

/** Numbers that losses are of: an array, or a tensor whose last axis has the rows. */
export type LossArray = Float32Array | Float64Array | Tensor;

/** A function of predictions and targets, with its gradient. */
export interface Loss<Options = Record<never, never>> {
  /** The losses: one for each element, or for each row. */
  (predictions: LossArray, targets: LossArray, options?: Options): LossArray;
  /** The gradient of the sum of the losses with respect to the predictions: an array like them. */
  gradient<A extends LossArray>(predictions: A, targets: LossArray, options?: Options): A;
}

/** How a loss is defined. */
export interface LossDocument {
  readonly name: string;
  /** The numbers among its options, with defaults and domains. */
  readonly hyper?: Document["hyper"];
  /** The loss of the prediction `p` and the target `y`; `m` is the greatest prediction of the row. */
  readonly loss: string;
  /** Whether there is one loss for each row; otherwise for each element. */
  readonly ofRows?: boolean;
}

/** The loss that a document says. */
export function lossOf<Options = Record<never, never>>(document: LossDocument): Loss<Options> {
  const { name, hyper = {}, loss, ofRows = false } = document;
  const run = (text: () => string) => {
    // What a call is given in options is seldom another than at the call before.
    let [factory, made, before]: [ReturnType<typeof programOf>?, Optimizer?, string?] = [];
    return (predictions: LossArray, targets: LossArray, options: Options | undefined) => {
      const doing = `Cannot compute ${name}`;
      const given = ownOptions(options ?? {}, doing);
      const key = JSON.stringify(Object.entries(given));
      factory ??= programOf(name, hyper, text());
      if (made === undefined || key !== before) [made, before] = [factory(given), key];
      requireRows(predictions, ofRows, doing);
      const inputs = { targets };
      return made.update(predictions, made.init(predictions), predictions, inputs)[0];
    };
  };
  const value = run(() => loss);
  const gradient = run(() => gradientText(document));
  const of = (predictions: LossArray, targets: LossArray, options?: Options) => {
    const losses = value(predictions, targets, options);
    return ofRows ? firstOfRows(losses) : losses;
  };
  return Object.assign(of, { gradient: gradient as Loss<Options>["gradient"] });
}

function programOf(name: string, hyper: Document["hyper"], expression: string) {
  return optimizer({
    name,
    hyper,
    inputs: { targets: "element" },
    step: `
      p = g
      y = targets
      ${/\bm\b/.test(expression) ? "m = max(p, axis=-1)" : ""}
      u = ${expression}
    `,
  }) as (options: object) => Optimizer;
}

function gradientText({ name, hyper = {}, loss }: LossDocument): string {
  // A row's greatest prediction only keeps exponentials small, and so counts as a constant.
  const { statements } = parseProgram({
    name,
    hyper,
    inputs: { p: "element", y: "element", m: "element" },
    step: `u = ${loss}`,
  });
  const numbers = Object.keys(hyper);
  return printExpression(differentiate(statements.at(-1)!.value, ["p"], { numbers }).p);
}

function requireRows(predictions: LossArray, ofRows: boolean, doing: string): void {
  const leaf = asLeaf(predictions, "", doing);
  if (leaf === undefined) {
    throw new GradusError(
      `${doing}: predictions must be an array or a tensor, and no tree of them`,
    );
  }
  if (ofRows && leaf.shape.length === 0) {
    throw new GradusError(
      `${doing}: predictions must have an axis, along which a row goes: given a number`,
    );
  }
}

/** The first element of each row, where all are the same. */
function firstOfRows(losses: LossArray): LossArray {
  if (!("data" in losses)) return losses.slice(0, 1);
  const { data, shape } = losses;
  const [columns, kept] = [shape.at(-1)!, shape.slice(0, -1)];
  return { data: data.filter((_, i) => i % columns === 0), shape: kept };
}
