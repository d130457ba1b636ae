/** What tests of refused steps share: a model, good gradients for it, and one test a bad step. */
import {
  type Document,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  type State,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefusedUnchanged } from "../refused.ts";
import { backends } from "./backends.ts";

/** The optimizer of a document named "sketch". */
export const sketch = (document: Omit<Document, "name">, options = {}): Optimizer =>
  factory(parseProgram({ name: "sketch", ...document }))(options);

/** Parameters: a bare array, and a tensor below a list. */
export const parameters = () => ({
  bias: Float32Array.of(0.5, -0.25),
  layers: [{ weight: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] } }],
});

/** Gradients of {@linkcode parameters}. */
export const gradients = () => ({
  bias: Float32Array.of(1, -1),
  layers: [{ weight: { data: Float32Array.of(1, -2, 3, -4, 5, -6), shape: [2, 3] } }],
});

/** A step that must be refused. */
export interface BadStep {
  readonly name: string;
  /** What the message must say, besides what was being done. */
  readonly says: readonly string[];
  /** Default: Lion. */
  readonly opt?: () => Optimizer;
  /** What to give in place of good gradients. */
  readonly gradients?: () => unknown;
  /** What to do to a good state before the step. */
  readonly spoil?: (state: State) => void;
  /** What to give in place of good inputs. */
  readonly inputs?: unknown;
}

const good = () => lion({ learningRate: 0.1 });

const two = { value: 2 };

/** Tests that a third step is refused, in place and not, and that nothing given is changed. */
export function testRefused(
  { name, opt = good, gradients: given = gradients, spoil, inputs, says }: BadStep,
): void {
  for (const backend of backends) {
    Deno.test(`${name} and nothing is changed (${backend})`, () => {
      const optimizer = opt().with({ backend });
      const params = parameters();
      const state = optimizer.init(params);
      optimizer.step(params, gradients(), state, two);
      optimizer.step(params, gradients(), state, two);
      assertEquals(state.count, 2);
      spoil?.(state);
      const grads = given() as typeof params;
      const more = (inputs === undefined ? two : inputs) as typeof two;
      const title = `"${optimizer.program.name}": `;
      assertRefusedUnchanged(
        () => optimizer.step(params, grads, state, more),
        [params, grads, state, more],
        `Cannot step by ${title}`,
        ...says,
      );
      assertRefusedUnchanged(
        () => optimizer.update(grads, state, params, more),
        [params, grads, state, more],
        `Cannot update by ${title}`,
        ...says,
      );
    });
  }
}
