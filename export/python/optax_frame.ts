/** Python between a tree of Optax's and the functions of a program, which see one leaf: the same in every file. */

/** Helpers, by name. */
export const OPTAX_FRAME: Readonly<Record<string, string>> = {
  _each: `
def _each(given, params):
    """What each leaf is given: a value, or that of the branch which it is in."""
    values, branches = jax.tree.flatten(given, is_leaf=lambda x: x is None)
    below = branches.flatten_up_to(params)
    return [value for value, branch in zip(values, below) for _ in jax.tree.leaves(branch)]`,
  _matching: `
def _matching(rules, params):
    """The value of the first pattern that fits the path of a leaf, in which \`*\` stands for any text."""

    def match(path, leaf):
        text = "/".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path)
        for pattern, value in rules:
            if re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL):
                return value
        raise ValueError(f"A pattern must fit {text}: given {', '.join(pattern for pattern, _ in rules)}")

    return jax.tree_util.tree_map_with_path(match, params)`,
  _number: `
def _number(given, count, kind):
    """A number of the step, where a schedule may be given."""
    if callable(given):
        given = given(count)
    if given is None or isinstance(given, (int, float)):
        return given if given is None else float(given)
    return jnp.asarray(given, dtype=kind)`,
  _buckets: `
def _buckets(params, count, options, masks):
    """What the functions of a leaf are given: the leaf, its shape, and its own of what was given for the tree."""
    told = {name: _each(given, params) for name, given in options.items()}
    chosen = {name: _each(given(params) if callable(given) else given, params) for name, given in masks.items()}
    buckets = []
    for k, w in enumerate(jax.tree.leaves(params)):
        w = jnp.asarray(w)
        if not jnp.issubdtype(w.dtype, jnp.floating):
            raise TypeError(f"A parameter must be of floating point: given {w.dtype}")
        # What is stored in 16 bits is computed in float32.
        kind = jnp.promote_types(w.dtype, jnp.float32)
        bucket = {
            "w": w.astype(kind),
            "type of w": w.dtype,
            "kind of w": kind,
            "place of w": k,
            "shape of w": w.shape,
            "rank": w.ndim,
            "rows": w.shape[0] if w.ndim else 1,
            "columns": math.prod(w.shape[1:]),
            "size": w.size,
            "second_extent": sorted((0, 0, *w.shape))[-2],
            "steps": count,
            "count": count.astype(kind),
        }
        bucket.update((name, _number(values[k], count, kind)) for name, values in told.items())
        bucket.update((name, values[k] is None or bool(values[k])) for name, values in chosen.items())
        buckets.append(bucket)
    return buckets`,
  _tell: `
def _tell(buckets, numbers):
    """Adds what is one number for the tree."""
    for bucket in buckets:
        bucket.update((name, jnp.asarray(x, dtype=bucket["kind of w"])) for name, x in numbers.items())`,
  _beside: `
def _beside(buckets, treedef, trees):
    """Adds the leaves of trees like the parameters."""
    for name, tree in trees.items():
        for bucket, leaf in zip(buckets, treedef.flatten_up_to(tree)):
            if isinstance(leaf, optax.MaskedNode):
                continue
            leaf = jnp.asarray(leaf)
            bucket[f"type of {name}"], bucket[f"shape of {name}"] = leaf.dtype, leaf.shape
            bucket[name] = leaf.astype(bucket["kind of w"])`,
  _begun: `
def _begun(buckets, treedef, name, dtype=None):
    """A tree of a state at its beginning; a leaf that keeps none is masked."""
    return treedef.unflatten([
        bucket[f"next {name}"].astype(dtype or bucket["type of w"]) if f"next {name}" in bucket else optax.MaskedNode()
        for bucket in buckets
    ])`,
  _made: `
def _made(buckets, treedef, key, like):
    """A tree of what was made, each leaf of the type and the shape of another."""
    return treedef.unflatten([
        jnp.broadcast_to(jnp.asarray(bucket[key], dtype=bucket[f"type of {like}"]), bucket[f"shape of {like}"])
        if like in bucket
        else optax.MaskedNode()
        for bucket in buckets
    ])`,
};
