/** Modules that Node and Deno have built in, without an import that a browser would fail at. */

/** The module of a name such as `node:fs`, or undefined where there is none. */
export function builtin<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as T | undefined;
}
