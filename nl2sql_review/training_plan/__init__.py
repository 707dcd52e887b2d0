"""What a run would do: values, and the facts made of them."""
