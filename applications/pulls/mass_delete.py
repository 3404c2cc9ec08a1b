"""Judges whether so much is gone that an outage, or an empty section of a file, is likelier than a wish."""

_FEW, _SHARE = 5, 5  # more than five, and more than a fifth


def looks_like_mass_delete(gone: int, known: int) -> bool:
    """Tell whether a person has to say that it is true: of ``known`` applications so many are, or would be, gone."""
    return (gone > _FEW and gone * _SHARE > known) or 1 < gone >= known
