"""Says what is counted of calls: as what a leg counts, which measures there are, what is to be counted anew."""

__all__ = ["conditions", "histograms", "kinds", "measures", "quarters"]
