def place_fields(tree, text): pass
