/** What can be told of a program before it meets arrays, worked out once for all its optimizers. */
import {
  elaborate,
  type Graph,
  rootsOf,
  specialise,
  statesLeft,
  type Structural,
} from "../dsl/graph.ts";
import { postorder, symbol, ZERO } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../dsl/scope.ts";
import { usesAxes } from "./plan.ts";

/** What a program looks at. */
export interface Reading {
  readonly parameter: boolean;
  /** Whether it looks at axes, so that plans depend on the rank. */
  readonly axes: boolean;
  /** What it reads of a leaf's shape. */
  readonly shape: readonly string[];
  readonly states: ReadonlySet<string>;
}

/** The states that remain where some hyperparameters are structural. */
export interface Form {
  /** Those that what is known for good leaves. */
  readonly lasting: ReadonlySet<string>;
  /** Those of them that move even where what is 0 now stays so. */
  readonly moving: ReadonlySet<string>;
}

const readings = new WeakMap<Program, Reading>();
const forms = new WeakMap<Program, Map<string, Form>>();

/** What `program` looks at. */
export function readingOf(program: Program): Reading {
  let reading = readings.get(program);
  if (reading === undefined) {
    const graph = elaborate(program);
    const read = new Set(postorder(rootsOf(graph)));
    reading = {
      parameter: read.has(symbol("w")),
      axes: usesAxes(program, graph),
      shape: [...SHAPE_SYMBOLS.keys()].filter((name) => read.has(symbol(name))),
      states: statesMentioned(program, graph),
    };
    readings.set(program, reading);
  }
  return reading;
}

/** The form of `program` in which `structural` is known. */
export function formOf(program: Program, structural: Structural): Form {
  let known = forms.get(program);
  if (known === undefined) forms.set(program, known = new Map());
  const key = structuralKey(structural);
  let form = known.get(key);
  if (form === undefined) {
    const graph = elaborate(program);
    const lasts = new Map([...structural].filter(([, value]) => value !== ZERO));
    const lasting = statesLeft(program, specialise(graph, lasts));
    const mentioned = statesMentioned(program, specialise(graph, structural));
    const ever = readingOf(program).states;
    const moving = new Set([...lasting].filter((name) => mentioned.has(name) || !ever.has(name)));
    known.set(key, form = { lasting, moving });
  }
  return form;
}

/** What tells one structural variant from another. */
export function structuralKey(structural: Structural): string {
  let key = "";
  for (const [name, { id }] of structural) key += `${name}=${id},`;
  return key;
}

function statesMentioned(program: Program, graph: Graph): Set<string> {
  const mentioned = new Set(postorder(rootsOf(graph)));
  return new Set([...program.state.keys()].filter((name) => mentioned.has(symbol(name))));
}
