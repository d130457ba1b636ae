/** Numbers for hyperparameters that have no default, so that any program can be tried. */
import { ANY_NUMBER, isWithin } from "../dsl/domain.ts";
import type { Program } from "../dsl/program.ts";

/** Numbers for what a program requires: `usual`, or another one where that is outside of the domain. */
export function requiredOf({ hyper, domains }: Program, usual: number): Record<string, number> {
  const required = [...hyper].filter(([, value]) => value === "required");
  return Object.fromEntries(required.map(([name]) => {
    const domain = domains.get(name) ?? ANY_NUMBER;
    return [name, [usual, 1, 0.5].find((number) => isWithin(domain, number)) ?? domain.least];
  }));
}
