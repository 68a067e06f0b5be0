"""What stands for a CRF in tests of the pool; workers import it."""
import os
import time

import numpy as np


class Double:
    """Returns twice the probabilities, after what the image's number asks."""

    def __call__(self, prob: np.ndarray, image: np.ndarray) -> np.ndarray:
        number = int(image[0, 0, 0])
        if number == 1:
            time.sleep(0.3)  # the first is the slowest
        if number == 5:
            raise ValueError('image 5 is bad')
        if number == 7:
            os._exit(3)  # as a process killed for its memory
        return prob * 2
