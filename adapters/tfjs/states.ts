/** The states of an optimizer's variables: begun when one is first stepped, moved, saved and taken up again. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import { inheritFrom, type State } from "../../runtime/trees/state.ts";
import type { Route, RouteStep, StateLeaf, Variables } from "./route.ts";
import { renamed, type Saved, type Taker } from "./saved.ts";
import type { TfTensor, TfVariable } from "./tf.ts";

/** What is kept of a state: an array for each variable, or one number. */
export interface Kept {
  readonly state: string;
  readonly variable: string | undefined;
  /** An array waits for its variable where it is no leaf. */
  readonly value: number | Float32Array | StateLeaf;
}

/** The states of variables, told by the variables' names. */
export class States {
  /** What was written as hyperparameters. */
  readonly hyper: State["hyper"] = {};
  readonly #program: Program;
  #route: Route | undefined;
  #state: State | undefined;
  #variables: Variables = new Map();
  /** What waits for its variables, and whether it has the names that they have here. */
  #saved: Saved | undefined;
  #isNamed = false;

  constructor(program: Program) {
    this.#program = program;
  }

  /** How many steps were taken. */
  get count(): number {
    return this.#state?.count ?? this.#saved?.count ?? 0;
  }

  set count(count: number) {
    if (this.#state !== undefined) this.#state.count = count;
    else this.#saved = { numbers: new Map(), arrays: new Map(), ...this.#saved, count };
  }

  /** Takes up what was saved, in the place of all there is. */
  load(saved: Saved): void {
    this.dispose();
    [this.#saved, this.#isNamed] = [saved, false];
  }

  /** Steps variables on a route, which may be another than before; `given` are those without gradients too. */
  step(
    route: Route,
    stepped: Variables,
    given: Variables,
    { reads, inputs }: Pick<RouteStep, "reads" | "inputs">,
    doing: string,
  ): void {
    if (this.#route !== route) this.#move(route);
    this.#forget();
    this.#begin(stepped, given, doing);
    route.step({ variables: this.#variables, reads, state: this.#state!, inputs });
  }

  /**
   * What to evaluate with, in new tensors by the names of variables: of those that are `asked` for, else of all
   * that have a state. What has none is as it is.
   */
  evaluated(
    route: Route,
    asked: Variables | undefined,
    known: (name: string) => TfVariable | undefined,
    own: (variable: TfVariable) => TfTensor,
    doing: string,
  ): Map<string, TfTensor> {
    if (this.#route !== route) this.#move(route);
    this.#forget();
    const waiting = this.#saved?.arrays ?? new Map();
    if (asked === undefined && waiting.size > 0 && !this.#isNamed) {
      throw new GradusError(
        `${doing}: a step must have told whose the weights are that were set, or \`varList\` must: given neither`,
      );
    }
    const names = [...this.#variables.keys(), ...waiting.keys()];
    const variables = asked ?? new Map(
      names.flatMap((name) => {
        const variable = known(name);
        return variable === undefined ? [] : [[name, variable] as const];
      }),
    );
    if (waiting.size > 0) this.#begin(variables, variables, doing);
    const all = this.#variables.size === 0
      ? new Map<string, TfTensor>()
      : route.evaluate(this.#variables, this.#state!, doing);
    const made = Array.from(
      variables,
      ([name, variable]) => [name, all.get(name) ?? own(variable)] as const,
    );
    for (const [name, tensor] of all) if (!variables.has(name)) tensor.dispose();
    return new Map(made);
  }

  /** All that is kept, state by state; of each the variables in the order in which they were first stepped. */
  kept(): Kept[] {
    return [...this.#program.state].flatMap(([state, { over }]): Kept[] => {
      if (over === "tree") {
        const value = (this.#state?.[state] ?? this.#saved?.numbers.get(state)) as
          | number
          | undefined;
        return value === undefined ? [] : [{ state, variable: undefined, value }];
      }
      const leaves = this.#leaves(this.#state, state);
      return [
        ...[...this.#variables.keys()].map((variable) => [variable, leaves[variable]] as const)
          .filter(([, leaf]) => leaf !== undefined && sizeOf(leaf.shape) > 0),
        ...[...this.#saved?.arrays ?? []].map(([variable, arrays]) =>
          [variable, arrays.get(state)] as const
        ).filter(([, array]) => array !== undefined),
      ].map(([variable, value]) => ({ state, variable, value: value! }));
    });
  }

  /** A tensor of an array of a state. */
  tensor(leaf: StateLeaf): TfTensor {
    return this.#route!.tensor(leaf);
  }

  /** Gives back all of it. */
  dispose(): void {
    if (this.#state !== undefined) this.#route!.release(this.#state);
    this.#route?.dispose();
    [this.#route, this.#state, this.#variables] = [undefined, undefined, new Map()];
    this.#saved = undefined;
  }

  #leaves(state: State | undefined, name: string): Record<string, StateLeaf> {
    return (state?.[name] ?? {}) as Record<string, StateLeaf>;
  }

  /** Goes over to another route: what is kept waits to be taken there. */
  #move(route: Route): void {
    if (this.#state !== undefined) {
      const saved = this.#savedNow(this.#route!);
      this.dispose();
      [this.#saved, this.#isNamed] = [saved, true];
    }
    this.#route = route;
  }

  #savedNow(route: Route): Saved {
    const numbers = new Map<string, number>();
    const names = [...this.#variables.keys(), ...this.#saved?.arrays.keys() ?? []];
    // Of some there is nothing to keep but that they were stepped.
    const arrays = new Map(names.map((name) => [name, new Map<string, Float32Array>()]));
    for (const { state, variable, value } of this.kept()) {
      if (typeof value === "number") numbers.set(state, value);
      else {
        const array = value instanceof Float32Array ? value : Float32Array.from(route.read(value));
        if (variable === undefined) numbers.set(state, array[0]);
        else arrays.get(variable)!.set(state, array);
      }
    }
    return { count: this.count, numbers, arrays };
  }

  /** Gives up the states of variables that were disposed of. */
  #forget(): void {
    const gone = [...this.#variables].filter(([, { isDisposed }]) => isDisposed);
    if (gone.length === 0) return;
    for (const [name] of gone) {
      for (const state of this.#program.state.keys()) {
        const leaves = this.#leaves(this.#state, state);
        if (Object.hasOwn(leaves, name)) this.#route!.drop?.(leaves[name]);
        delete leaves[name];
      }
    }
    this.#variables = new Map([...this.#variables].filter(([, { isDisposed }]) => !isDisposed));
  }

  /** Begins the states of variables that have none yet. */
  #begin(stepped: Variables, given: Variables, doing: string): void {
    const fresh = [...stepped].filter(([name]) => !this.#variables.has(name));
    if (fresh.length === 0) return;
    const [route, old] = [this.#route!, this.#state];
    if (this.#saved !== undefined && !this.#isNamed) {
      this.#saved = renamed(
        this.#saved,
        takersOf(fresh),
        takersOf(given),
        this.#program,
        doing,
      );
      this.#isNamed = true;
    }
    const variables = new Map([...this.#variables, ...fresh]);
    const begun = route.init(variables);
    try {
      for (const [name] of fresh) this.#take(begun, name, doing);
    } catch (error) {
      route.release(begun);
      throw error;
    }
    begun.count = this.count;
    for (const [state, { over }] of this.#program.state) {
      if (!Object.hasOwn(begun, state)) continue;
      if (over === "tree") {
        begun[state] = old?.[state] ?? this.#saved?.numbers.get(state) ?? begun[state];
        if (old !== undefined) delete old[state];
        continue;
      }
      const [from, to] = [this.#leaves(old, state), this.#leaves(begun, state)];
      for (const name of this.#variables.keys()) {
        if (from[name] !== undefined && sizeOf(from[name].shape) > 0) {
          route.copy(from[name], to[name]);
        }
      }
    }
    // Who holds on to what is written sees it in every state.
    const { hyper } = begun;
    begun.hyper = this.hyper;
    inheritFrom(begun, { ...begun, hyper });
    if (old !== undefined) route.release(old);
    [this.#state, this.#variables] = [begun, variables];
    if (this.#saved !== undefined) {
      const rest = [...this.#saved.arrays].filter(([name]) => !variables.has(name));
      this.#saved = rest.length === 0 ? undefined : { ...this.#saved, arrays: new Map(rest) };
    }
  }

  /** Takes up what was saved of a variable. */
  #take(begun: State, variable: string, doing: string): void {
    const arrays = this.#saved?.arrays.get(variable);
    if (arrays === undefined) return;
    const refuse = (state: string, why: string) => {
      throw new GradusError(
        `${doing}: the weights that were set must be those of this optimizer: ` +
          `${quoted(`${variable}/${state}`)} ${why}`,
      );
    };
    for (const [state, { over }] of this.#program.state) {
      if (over === "tree") continue;
      const leaf = this.#leaves(begun, state)[variable];
      const array = arrays.get(state);
      const size = leaf === undefined ? 0 : sizeOf(leaf.shape);
      if (array === undefined && size > 0) refuse(state, "is missing");
      if (array === undefined) continue;
      if (array.length !== size) refuse(state, `must be of ${size} numbers: given ${array.length}`);
      this.#route!.write(leaf, array);
    }
  }
}

function takersOf(variables: Iterable<readonly [string, { readonly shape: number[] }]>): Taker[] {
  return Array.from(variables, ([name, { shape }]) => ({ name, size: sizeOf(shape) }));
}
