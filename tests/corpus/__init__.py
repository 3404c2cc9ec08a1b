"""Bad input as named cases: what a stranger, a broken sender or a hostile one may send, and what is to come of it.

Pure generators, shared by the tests of every door. Each case has the number of the corpus' catalogue it belongs to
(``T07``: transport, ``S``: signatures, ``J``: documents, ``O``: order, ``R``: REST, ``X``: TeXML, ``A``: admin);
``catalogue`` holds all numbers, and the reason for each that has no case yet.
"""
