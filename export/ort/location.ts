/**
 * The address of a worker's script. In Deno it has the origin `"null"`, which ONNX Runtime takes for a base of other
 * addresses, and fails: so it is hidden while a build is being loaded, from the import of this file on.
 */
const scope = globalThis as { readonly location?: { readonly origin: string } };
const isNowhere = "Deno" in globalThis && scope.location?.origin === "null";
const own = Object.getOwnPropertyDescriptor(globalThis, "location");

/** Hides it where it has no origin. */
export function hideLocation(): void {
  if (isNowhere) Reflect.deleteProperty(globalThis, "location");
}

/** Shows it again. */
export function showLocation(): void {
  if (isNowhere) Object.defineProperty(globalThis, "location", own!);
}

hideLocation();
