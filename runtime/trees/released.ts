/** Buffers of a GPU that were given back, which they do not tell themselves. */

const released = new WeakSet<GPUBuffer>();

/** Destroys a buffer. */
export function releaseBuffer(buffer: GPUBuffer): void {
  released.add(buffer);
  buffer.destroy();
}

/** Whether a buffer has been given back. */
export function isReleased(buffer: GPUBuffer): boolean {
  return released.has(buffer);
}
