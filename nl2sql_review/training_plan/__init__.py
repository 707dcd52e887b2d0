"""The plan of a run: values, and the facts made of them."""
