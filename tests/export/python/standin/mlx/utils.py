"""Trees of dicts, lists and tuples."""


def tree_map(fn, tree, *rest):
    """Those in `rest` may have more than `tree` has."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(tree_map(fn, child, *[each[k] for each in rest]) for k, child in enumerate(tree))
    if isinstance(tree, dict):
        return {key: tree_map(fn, child, *[each[key] for each in rest]) for key, child in tree.items()}
    return fn(tree, *rest)
