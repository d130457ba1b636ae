/** Networks that serve all problems of their sizes in turn, since memory is all that they keep from call to call. */

/** What `make` makes of sizes, made once for the same sizes. */
export function shared<Sizes extends object, Network>(
  make: (sizes: Sizes) => Network,
): (sizes: Sizes) => Network {
  const known = new Map<string, Network>();
  return (sizes) => {
    const key = JSON.stringify(Object.entries(sizes).sort(([a], [b]) => a < b ? -1 : 1));
    let network = known.get(key);
    if (network === undefined) known.set(key, network = make(sizes));
    return network;
  };
}
