"""How dates are written: to the second, the same everywhere."""
