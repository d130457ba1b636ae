/** What is made when it is first needed, and then kept. */

/** What `make` gives, which is called at most once. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
