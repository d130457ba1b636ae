/** What devices have beyond what every one has, where kernels make use of it. */

/** Which of it a device has. */
export interface Features {
  /** Whether the threads of a subgroup hand each other numbers. */
  readonly subgroups: boolean;
  /** Whether its own conversions from and to float16 give the bits that the library stores. */
  readonly float16: boolean;
}

/** What is known of a device. */
export function featuresOf(device: GPUDevice): Features {
  return { subgroups: device.features.has("subgroups"), float16: false };
}
