"""Pictures: figures as records, one style, and files that can be made again from their data.

Line = theory, marker with interval = simulation, always. Nothing here imports NumPy or Matplotlib before it draws.
"""

from lemmata.pictures.plotting import COLORS, canvas, plot_simulation, plot_theory
from lemmata.pictures.records import Figure, Quality
from lemmata.pictures.rendering import FORMATS, Rendering, picture, read_data, render
from lemmata.pictures.style import MEDIA, style

__all__ = [
    "COLORS",
    "FORMATS",
    "MEDIA",
    "Figure",
    "Quality",
    "Rendering",
    "canvas",
    "picture",
    "plot_simulation",
    "plot_theory",
    "read_data",
    "render",
    "style",
]
