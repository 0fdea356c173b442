"""What gradient descent learns of noisy images: the rank of a convolutional network's filters beside that of its data.

References
----------
C. Zhang, P. Gao, D. Zou, Y. Cao, arXiv 2504.08628.
"""

from theory.cnn_rank.models import Balanced, Counts, Data, Multinomial, Training

__all__ = ["Balanced", "Counts", "Data", "Multinomial", "Training"]
