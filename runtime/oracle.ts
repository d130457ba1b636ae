/** Steps that ask a function of their caller, such as for the gradient at other parameters. */
import { GradusError } from "../dsl/errors.ts";
import type { Program } from "../dsl/program.ts";
import { bind, type Optimizer, type Oracle, type RunOptions } from "./optimizer.ts";
import type { Configured } from "./step/rule.ts";
import type { StepInputs } from "./step/device.ts";
import type { StepOptions } from "./step/options.ts";
import { MASTER } from "./trees/master.ts";
import type { State } from "./trees/state.ts";
import type { StateKinds } from "./trees/typed.ts";

/** What a step is asked to do. */
export interface Asked {
  readonly params: object;
  readonly gradients: object;
  readonly state: State;
  readonly inputs: StepInputs;
}

/** What a step is to be given in the place of that. */
export type Answer = Pick<Asked, "gradients" | "inputs">;

/** What a step needs that its program does not say. */
export interface Question {
  /** The name of the function that made it. */
  readonly name: string;
  /**
   * Asks the caller's function. `direct` is the optimizer that takes the answer as inputs, and `made` makes
   * one of another program that runs as it does. Nothing that is asked with may be changed.
   */
  answer(
    asked: Asked,
    direct: Optimizer,
    made: (program: Program) => Optimizer,
    doing: string,
  ): Answer;
}

/** The optimizer of a program whose steps ask a question. */
export function asking<S extends StateKinds, Hyper extends string>(
  configured: Pick<Configured, "program" | "settings" | "storage">,
  question: Question,
): Optimizer<S, Hyper> {
  const oracle: Oracle = {
    name: question.name,
    around: (direct, options) =>
      new Asking(direct, question, oracle, options) as unknown as Optimizer,
  };
  return bind({ ...configured, oracle });
}

class Asking implements Omit<Optimizer, "init" | "update" | "evaluationParams"> {
  readonly program: Program;
  readonly settings: Optimizer["settings"];
  readonly storage: Optimizer["storage"];
  readonly oracle: Oracle;
  readonly init: Optimizer["init"];
  readonly evaluationParams: Optimizer["evaluationParams"];
  readonly #direct: Optimizer;
  readonly #question: Question;
  readonly #made: (program: Program) => Optimizer;

  constructor(direct: Optimizer, question: Question, oracle: Oracle, options: RunOptions) {
    ({ program: this.program, settings: this.settings, storage: this.storage } = direct);
    [this.oracle, this.#direct, this.#question] = [oracle, direct, question];
    const helpers = new Map<Program, Optimizer>();
    this.#made = (program) => {
      const made = helpers.get(program) ??
        bind({ program, settings: new Map(), storage: new Map() }, options);
      helpers.set(program, made);
      return made;
    };
    this.init = direct.init.bind(direct) as Optimizer["init"];
    this.evaluationParams = direct.evaluationParams.bind(direct);
  }

  with(options: RunOptions): Optimizer {
    return this.oracle.around(this.#direct.with(options), options);
  }

  update<P extends object>(
    gradients: P,
    state: State,
    params?: P,
    inputs: StepInputs = {},
    options?: StepOptions,
  ): [updates: P, state: State] {
    const doing = `Cannot update by "${this.program.name}"`;
    if (params === undefined) {
      throw new GradusError(
        `${doing}: a function of the parameters is asked: they must be given as third argument`,
      );
    }
    const answer = this.#answer({ params, gradients, state, inputs }, options, doing);
    return this.#direct.update(answer.gradients as P, state, params, answer.inputs);
  }

  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs: StepInputs = {},
    options?: StepOptions,
  ): void {
    const doing = `Cannot step by "${this.program.name}"`;
    const answer = this.#answer({ params, gradients, state, inputs }, options, doing);
    this.#direct.step(params, answer.gradients as P, state, answer.inputs);
  }

  #answer(asked: Asked, options: StepOptions | undefined, doing: string): Answer {
    if (options?.missing === "skip") {
      throw new GradusError(
        `${doing}: the gradients of all parameters must be given: given \`{ missing: "skip" }\``,
      );
    }
    if (Object.hasOwn(asked.state ?? {}, MASTER)) {
      throw new GradusError(
        `${doing}: parameters must be float32 or float64: some are stored in 16 bits`,
      );
    }
    return this.#question.answer(asked, this.#direct, this.#made, doing);
  }
}
