"""Each kernel beside what one would otherwise write; run by `lemmata bench`."""
