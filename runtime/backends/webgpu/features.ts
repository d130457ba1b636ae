/** What devices have beyond what every one has, where kernels make use of it. */

/** Which of it a device has. */
export interface Features {
  /** Whether the threads of a subgroup hand each other numbers. */
  readonly subgroups: boolean;
  /** Whether its own conversions from and to float16 have the bits that the library stores. */
  readonly float16: boolean;
}

/** The devices whose conversions were seen to have these bits. */
const exact = new WeakSet<GPUDevice>();

/** What is known of a device: nothing is asked of it. */
export function featuresOf(device: GPUDevice): Features {
  return { subgroups: device.features.has("subgroups"), float16: exact.has(device) };
}

/** Says that a device's own conversions from and to float16 have the bits that the library stores. */
export function markExact(device: GPUDevice): void {
  exact.add(device);
}
