/** The replays of a search's tasks, and what is made once for a space. */
import { Machine } from "../machine/machine.ts";
import { probePack } from "../machine/replay.ts";
import type { Space } from "../programs/space.ts";
import type { Task } from "../tasks/evaluator.ts";
import { Recording } from "../tasks/trace.ts";
import type { Replay } from "./trajectory.ts";

/** The recordings among tasks, or, where there are none, inputs that are made up. */
export function replaysOf(space: Space, tasks: readonly Task[]): readonly Replay[] {
  const recordings = tasks.flatMap((task) =>
    task.kind === "trace" ? [new Recording(new Machine(), space, task)] : []
  );
  return recordings.length > 0 ? recordings : [{ pack: probePack() }];
}

const keys = new WeakMap<Space, string>();

/** The same made once for all spaces of the same options, whatever search made them. */
export function oncePerSpace<T>(make: (space: Space) => T): (space: Space) => T {
  const known = new Map<string, T>();
  return (space) => {
    let key = keys.get(space);
    if (key === undefined) keys.set(space, key = JSON.stringify(space.options));
    let made = known.get(key);
    if (made === undefined) known.set(key, made = make(space));
    return made;
  };
}
