"""Labels of NYU40 and the 18 classes of objects that are detected."""

import numpy as np

# Class -> the label of NYU40 that it is; all other things are 'others'.
NYU40 = dict(
    cabinet=3, bed=4, chair=5, sofa=6, table=7, door=8, window=9,
    bookshelf=10, picture=11, counter=12, desk=14, curtain=16,
    refrigerator=24, shower_curtain=28, toilet=33, sink=34, bathtub=36)
CLASSES = (*NYU40, 'others')
WALL, FLOOR, CEILING = 1, 2, 22
# Labels whose instances have boxes: all but walls, floors and ceilings.
OBJECTS = tuple(label for label in range(3, 41) if label != CEILING)

# Mean extents in metres along x, y and z, one row for each class: the table
# of VoteNet (scannet_reference_means), on which published weights depend.
MEAN_SIZES = np.array([
    [0.7750491, 0.9489773, 0.9654206],
    [1.8690326, 1.8321471, 1.1922299],
    [0.6121478, 0.6192873, 0.7048085],
    [1.441139, 1.6045203, 0.83652294],
    [1.0478072, 1.2016419, 0.63457006],
    [0.5610123, 0.60847217, 1.719504],
    [1.078949, 0.82034, 1.169212],
    [0.8417109, 1.3504795, 1.6898925],
    [0.23051737, 0.476405, 0.56569254],
    [1.454849, 1.9711989, 0.2864328],
    [1.0785803, 1.5370511, 0.8650191],
    [1.4311965, 0.76923114, 1.6498268],
    [0.62969196, 0.7087129, 1.3143358],
    [0.43925035, 0.41569594, 1.7000275],
    [0.5850446, 0.5787844, 0.7202961],
    [0.5115869, 0.5096067, 0.3128736],
    [1.1732076, 1.0598714, 0.5181253],
    [0.43294385, 0.5193351, 0.48437455],
], np.float32)
MEAN_SIZES.setflags(write=False)


def class_of(labels: np.ndarray) -> np.ndarray:
    """Classes 0 to 17 of labels of NYU40 that have boxes."""
    table = np.full(41, len(NYU40), np.int64)
    table[list(NYU40.values())] = np.arange(len(NYU40))
    return table[np.asarray(labels, np.int64)]
