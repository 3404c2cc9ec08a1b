"""Says what is counted of calls: as what a leg counts, which measures there are, which quarter-hours are to be counted anew."""

__all__ = ["histograms", "kinds", "measures", "quarters"]
